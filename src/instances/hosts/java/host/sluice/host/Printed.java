package sluice.host;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/**
 * Standard output and error: both go to descriptor 1, in whole lines, and the end of an invocation is marked there. Where invocations overlap,
 * each line is marked with the request of the thread that printed it, which its new threads inherit.
 */
final class Printed {
    private static final int LONGEST = 8 * 1024;
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);
    private static final byte[] NOTHING = new byte[0];

    private static final FileOutputStream sink = new FileOutputStream(FileDescriptor.out);
    private static final InheritableThreadLocal<byte[]> tag = new InheritableThreadLocal<>();
    private static String marker = "";
    private static boolean isConcurrent;
    private static Lines out;
    private static Lines err;
    private static volatile boolean isDirty;

    private Printed() {}

    /** Takes the place of System.out and System.err. */
    static void open(String mark, boolean concurrent) {
        marker = "\0" + mark;
        isConcurrent = concurrent;
        out = new Lines();
        err = new Lines();
        System.setOut(new PrintStream(out, false, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, false, StandardCharsets.UTF_8));
        Runtime.getRuntime().addShutdownHook(new Thread(Printed::flush));
    }

    /** What this thread prints from here on belongs to the request. */
    static void begin(String request) {
        isDirty = false;
        if (isConcurrent) tag.set((marker + ":" + request + "\0").getBytes(StandardCharsets.UTF_8));
    }

    private static void flush() {
        // A function may have put streams of its own in their place.
        System.out.flush();
        System.err.flush();
        out.end();
        err.end();
    }

    /** Flushes; marks the end of the request when asked to or when something was printed. Returns whether it did. */
    static boolean end(String request, boolean isWanted) {
        flush();
        tag.remove();
        if (!isWanted && !isDirty && !isConcurrent) return false;
        try {
            sink.write((marker + (isConcurrent ? "=" + request : "") + "\n").getBytes(StandardCharsets.UTF_8));
            return true;
        } catch (IOException error) {
            return false;
        }
    }

    /** One line in the vendor's format. */
    static void log(String request, String level, String message) {
        System.out.println(TIME.format(Instant.now()) + " " + request + " [" + level + "] " + message);
    }

    /** Writes whole lines as soon as there are any, and keeps the rest until the line or the invocation ends; for each thread where they overlap. */
    private static final class Lines extends OutputStream {
        private final Held common = new Held();
        private final ThreadLocal<Held> own = ThreadLocal.withInitial(Held::new);

        private static final class Held {
            final byte[] bytes = new byte[LONGEST];
            int size;
        }

        @Override
        public void write(int next) {
            write(new byte[] {(byte) next}, 0, 1);
        }

        @Override
        public synchronized void write(byte[] bytes, int from, int length) {
            isDirty = true;
            Held held = held();
            int at = from;
            int limit = from + length;
            while (at < limit) {
                int end = endOfLine(bytes, at, limit);
                if (held.size + end - at > LONGEST) emit(held);
                if (end - at > LONGEST) {
                    give(bytes, at, end - at);
                } else {
                    System.arraycopy(bytes, at, held.bytes, held.size, end - at);
                    held.size += end - at;
                    if (bytes[end - 1] == '\n') emit(held);
                }
                at = end;
            }
        }

        /** Where the part ends that may be written at once: a line that needs a mark, else as many as there are. */
        private static int endOfLine(byte[] bytes, int from, int limit) {
            if (isConcurrent) {
                for (int at = from; at < limit; at++) if (bytes[at] == '\n') return at + 1;
                return limit;
            }
            int end = limit;
            while (end > from && bytes[end - 1] != '\n') end--;
            return end == from ? limit : end;
        }

        /** The invocation is over: what stands in an unfinished line belongs to it. */
        synchronized void end() {
            Held held = held();
            boolean isOpen = isConcurrent && held.size > 0;
            emit(held);
            if (isOpen) put(new byte[] {'\n'}, 0, 1);
        }

        private Held held() {
            return isConcurrent ? own.get() : common;
        }

        private static void emit(Held held) {
            if (held.size > 0) give(held.bytes, 0, held.size);
            held.size = 0;
        }

        private static void give(byte[] bytes, int from, int length) {
            byte[] mark = isConcurrent ? tag.get() : NOTHING;
            if (mark == null || mark.length == 0) {
                put(bytes, from, length);
                return;
            }
            byte[] marked = new byte[mark.length + length];
            System.arraycopy(mark, 0, marked, 0, mark.length);
            System.arraycopy(bytes, from, marked, mark.length, length);
            put(marked, 0, marked.length);
        }

        private static void put(byte[] bytes, int from, int length) {
            try {
                sink.write(bytes, from, length);
            } catch (IOException error) {
                // Nobody reads any more: the instance is about to end.
            }
        }
    }
}
