package sluice.host;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * The program of one instance. It connects to the server at once and warms up; which function it is, it is told when it is needed. User code is
 * not touched before that.
 */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 0 && arguments[0].equals("rehearse")) {
            // For the archive of classes that later processes start from.
            Warmth.all();
            return;
        }
        Map<String, Object> ticket = Json.object(Json.parse(line(System.in)));
        Socket socket = new Socket();
        socket.setTcpNoDelay(true);
        int port = ((Number) ticket.get("port")).intValue();
        socket.connect(new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), port));
        String greeting = "F" + ticket.get("id") + ticket.get("secret");
        socket.getOutputStream().write(greeting.getBytes(StandardCharsets.ISO_8859_1));
        Wire wire = new Wire(socket);
        Printed.open(ticket.get("marker").toString(), Boolean.TRUE.equals(ticket.get("concurrent")));
        try {
            UserCode code = new UserCode(texts(ticket.get("classPath")));
            CommonThreads.use(code.loader);
            if (Warmth.until(wire::hasInput) && read(code, texts(ticket.get("classes")), wire)) {
                System.gc();
                wire.send(Wire.WARM, Map.of(), new byte[0]);
            }
            Wire.Frame order = wire.receive();
            while (order.type != Wire.ORDER) order = wire.receive();
            new Instance(wire, code, order.head).serve();
        } finally {
            // The server is gone, or does not want this instance any more; threads of the function must not keep it.
            Runtime.getRuntime().halt(0);
        }
    }

    /** Reads what earlier instances needed of the function's libraries, until something else is to be done; whether it came to its end. */
    private static boolean read(UserCode code, List<String> names, Wire wire) throws IOException {
        code.open();
        for (String name : names) {
            if (wire.hasInput()) return false;
            code.read(name);
        }
        return true;
    }

    @SuppressWarnings("unchecked")
    private static List<String> texts(Object list) {
        return (List<String>) list;
    }

    /** What the server says at the start; the end of it is the end of standard input. */
    private static String line(InputStream in) throws Exception {
        ByteArrayOutputStream held = new ByteArrayOutputStream();
        for (int next = in.read(); next >= 0 && next != '\n'; next = in.read()) held.write(next);
        return held.toString(StandardCharsets.UTF_8.name());
    }
}
