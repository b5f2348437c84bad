package sluice.host;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Frames between the server and this host: u32 length, u8 type, u32 length of the JSON head, head, raw bytes (big endian). */
final class Wire {
    static final int ORDER = 1;
    static final int WARM = 2;
    static final int INITIALISING = 16;
    static final int SERVING = 17;
    static final int INVOKE = 18;
    static final int RESULT = 19;
    static final int ERROR = 20;
    static final int PRE_STOP = 21;
    static final int STOPPED = 22;
    static final int LOADED = 23;

    /** Largest body of a frame, either way (Function Compute limits, synchronous payload). */
    static final int MAX_BODY = 32 * 1024 * 1024;

    private static final int JOINED = 256 * 1024;

    private final InputStream raw;
    private final DataInputStream in;
    private final OutputStream out;

    Wire(Socket socket) throws IOException {
        raw = socket.getInputStream();
        in = new DataInputStream(new BufferedInputStream(raw, 64 * 1024));
        out = socket.getOutputStream();
    }

    static final class Frame {
        final int type;
        final Map<String, Object> head;
        final byte[] body;

        Frame(int type, Map<String, Object> head, byte[] body) {
            this.type = type;
            this.head = head;
            this.body = body;
        }

        String text(String name) {
            Object value = head.get(name);
            return value == null ? "" : value.toString();
        }

        boolean is(String name) {
            return Boolean.TRUE.equals(head.get(name));
        }
    }

    /** Whether something has arrived that was not read yet. */
    boolean hasInput() throws IOException {
        return raw.available() > 0;
    }

    /** The next frame; an IOException when the server has closed the connection. */
    Frame receive() throws IOException {
        int length = in.readInt();
        int type = in.readUnsignedByte();
        int size = in.readInt();
        byte[] head = new byte[size];
        in.readFully(head);
        byte[] body = new byte[length - 5 - size];
        in.readFully(body);
        Object parsed = Json.parse(new String(head, StandardCharsets.UTF_8));
        if (!(parsed instanceof Map)) throw new EOFException("The head of a frame is not an object.");
        return new Frame(type, Json.object(parsed), body);
    }

    void send(int type, Map<String, Object> head, byte[] body) throws IOException {
        byte[] text = Json.write(head).getBytes(StandardCharsets.UTF_8);
        int length = 5 + text.length + body.length;
        boolean isJoined = length < JOINED;
        byte[] first = new byte[isJoined ? 4 + length : 9 + text.length];
        put(first, 0, length);
        first[4] = (byte) type;
        put(first, 5, text.length);
        System.arraycopy(text, 0, first, 9, text.length);
        if (isJoined) System.arraycopy(body, 0, first, 9 + text.length, body.length);
        synchronized (out) {
            out.write(first);
            if (!isJoined) out.write(body);
            out.flush();
        }
    }

    private static void put(byte[] bytes, int at, int value) {
        bytes[at] = (byte) (value >>> 24);
        bytes[at + 1] = (byte) (value >>> 16);
        bytes[at + 2] = (byte) (value >>> 8);
        bytes[at + 3] = (byte) value;
    }
}
