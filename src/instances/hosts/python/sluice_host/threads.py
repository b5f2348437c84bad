"""Overlapping invocations: as many threads as there are invocations at once, kept for the next ones."""
import os
import queue
import threading


class Threads:
    def __init__(self, work):
        self.work = work
        self.orders = queue.SimpleQueue()
        self.free = 0
        self.count = 0
        self.lock = threading.Lock()

    def give(self, *order):
        """Has `work` done with the order by a thread that is free, or by a new one."""
        with self.lock:
            if self.free > 0:
                self.free -= 1
            else:
                # The server never gives more at once than instanceConcurrency.
                self.count += 1
                threading.Thread(target=self.run, name="invocation-%d" % self.count, daemon=True).start()
        self.orders.put(order)

    def run(self):
        while True:
            try:
                self.work(*self.orders.get())
            except OSError:
                # The server closed the connection.
                os._exit(0)
            with self.lock:
                self.free += 1
