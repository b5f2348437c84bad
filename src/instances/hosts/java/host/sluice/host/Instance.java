package sluice.host;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** A function at work: loads its handler, runs the initializer once, then one event at a time, or as many as the function allows. */
final class Instance {
    private static final byte[] NOTHING = new byte[0];

    private final Wire wire;
    private final Map<String, Object> order;
    private final Contexts contexts;
    private final ExecutorService threads;
    private final AtomicBoolean isFirst = new AtomicBoolean(true);
    private final UserCode code;
    private Handler handler;
    /** Let go when memory is out, so that there is some to say so. */
    private byte[] reserve = new byte[256 * 1024];

    Instance(Wire wire, UserCode code, Map<String, Object> order) {
        this.wire = wire;
        this.code = code;
        this.order = order;
        contexts = new Contexts(Json.object(order.get("about")));
        AtomicInteger count = new AtomicInteger();
        threads = ((Number) order.get("concurrency")).intValue() <= 1 ? Executors.newSingleThreadExecutor(this::thread) : Executors.newCachedThreadPool(work -> {
            Thread thread = thread(work);
            thread.setName("handler-" + count.incrementAndGet());
            return thread;
        });
    }

    private Thread thread(Runnable work) {
        Thread thread = new Thread(work, "handler");
        thread.setContextClassLoader(code.loader);
        return thread;
    }

    /** Returns when the server closes the connection. */
    void serve() throws Exception {
        threads.execute(this::start);
        try {
            while (true) {
                Wire.Frame frame = wire.receive();
                if (frame.type == Wire.INVOKE) threads.execute(() -> invoke(frame));
                else if (frame.type == Wire.PRE_STOP) threads.execute(() -> stop(frame));
            }
        } catch (IOException closed) {
            return;
        }
    }

    private void start() {
        Map<String, Object> credentials = Json.object(order.get("credentials"));
        String request = text("request");
        Printed.begin(request);
        String phase = "import";
        try {
            Warmth.announce(code.loader);
            handler = code.handler(text("handler"));
            if (!text("preStop").isEmpty()) code.hook(text("preStop"), "preStop hook", "PreStopHandler", "preStop");
            if (!text("initializer").isEmpty()) {
                phase = "initializer";
                UserCode.Hook initializer = code.hook(text("initializer"), "initializer", "FunctionInitializer", "initialize");
                wire.send(Wire.INITIALISING, Map.of(), NOTHING);
                Map<String, Object> meta = new HashMap<>(credentials);
                meta.put("id", request);
                initializer.run(contexts, meta);
            }
        } catch (Throwable error) {
            Map<String, Object> head = new LinkedHashMap<>();
            head.put("phase", phase);
            fail(error, head, request, true);
            return;
        }
        send(Wire.SERVING, head("marked", Printed.end(request, false)), NOTHING);
    }

    private void invoke(Wire.Frame frame) {
        String id = frame.text("id");
        Printed.begin(id);
        byte[] result;
        try {
            result = handler.call(frame.body, contexts, frame.head);
        } catch (Throwable error) {
            fail(error, head("id", id), id, frame.is("tail"));
            return;
        }
        Map<String, Object> head = head("id", id);
        head.put("kb", peakKilobytes());
        head.put("marked", Printed.end(id, frame.is("tail")));
        send(Wire.RESULT, head, result);
        if (isFirst.compareAndSet(true, false)) send(Wire.LOADED, Map.of(), code.loaded().getBytes(StandardCharsets.UTF_8));
    }

    private void stop(Wire.Frame frame) {
        String id = frame.text("id");
        Printed.begin(id);
        Map<String, Object> head = head("ok", true);
        try {
            Map<String, Object> meta = new HashMap<>(Json.object(order.get("credentials")));
            meta.put("id", id);
            code.hook(text("preStop"), "preStop hook", "PreStopHandler", "preStop").run(contexts, meta);
        } catch (Throwable thrown) {
            Throwable error = Failures.thrownBy(thrown);
            Printed.log(id, "ERROR", Failures.text(error));
            head.put("ok", false);
            head.put("message", String.valueOf(error.getMessage()));
        }
        head.put("marked", Printed.end(id, false));
        send(Wire.STOPPED, head, NOTHING);
    }

    private void fail(Throwable thrown, Map<String, Object> head, String request, boolean isTailWanted) {
        Throwable error = Failures.thrownBy(thrown);
        boolean isOutOfMemory = Failures.isOutOfMemory(error);
        if (isOutOfMemory) reserve = null;
        Printed.log(request, "ERROR", Failures.text(error));
        byte[] body = Json.write(Failures.describe(error)).getBytes(StandardCharsets.UTF_8);
        head.put("kb", peakKilobytes());
        head.put("memory", isOutOfMemory);
        head.put("marked", Printed.end(request, isTailWanted));
        send(Wire.ERROR, head, body);
    }

    private void send(int type, Map<String, Object> head, byte[] body) {
        try {
            wire.send(type, head, body);
        } catch (IOException closed) {
            Runtime.getRuntime().halt(0);
        }
    }

    private String text(String name) {
        Object value = order.get(name);
        return value == null ? "" : value.toString();
    }

    private static Map<String, Object> head(String name, Object value) {
        Map<String, Object> head = new LinkedHashMap<>();
        head.put(name, value);
        return head;
    }

    /** Largest resident size so far, in KiB; 0 where the system does not tell. */
    private static long peakKilobytes() {
        try {
            for (String line : Files.readAllLines(Paths.get("/proc/self/status"), StandardCharsets.ISO_8859_1)) {
                if (line.startsWith("VmHWM:")) return Long.parseLong(line.replaceAll("\\D+", ""));
            }
        } catch (IOException | RuntimeException unknown) {
            return 0;
        }
        return 0;
    }
}
