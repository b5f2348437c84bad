package matrix;

import java.io.InputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Set;

/**
 * What both Java drivers share: operations by name, named as arguments, one line of JSON for each on standard output. The environment is told in
 * matrix.test.ts.
 */
abstract class Driver {
    static final String TEXT = "The quick brown fox\n";
    static final String KEY = "a b/ü+%.txt";
    static final String NAME = env("BUCKET");
    static final String POINT = env("ACCESS_POINT");
    static final String[] LISTED = {"list/1", "list/2", "list/sub/3"};

    interface Operation {
        Object run() throws Exception;
    }

    interface Act {
        void run() throws Exception;
    }

    final Map<String, Operation> operations = new LinkedHashMap<>();
    final Set<String> notOffered = new HashSet<>();

    /** The code with which the server refused what has to fail. */
    abstract String codeOf(Act act) throws Exception;

    static String env(String name) {
        return System.getenv().getOrDefault("MATRIX_" + name, "");
    }

    /** An operation whose success is all that it tells; a later row reads what it did. */
    static Operation none(Act act) {
        return () -> {
            act.run();
            return fields();
        };
    }

    /** A JSON object of names and values in turn. */
    static Map<String, Object> fields(Object... pairs) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int at = 0; at < pairs.length; at += 2) map.put((String) pairs[at], pairs[at + 1]);
        return map;
    }

    static String unquoted(String etag) {
        return etag.replace("\"", "");
    }

    static String lastOf(String alias) {
        return alias.substring(alias.lastIndexOf('-') + 1);
    }

    static String text(InputStream body) throws Exception {
        try (InputStream open = body) {
            return new String(open.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    static String md5(byte[] bytes) throws Exception {
        return String.format("%032x", new BigInteger(1, MessageDigest.getInstance("MD5").digest(bytes)));
    }

    /** The version in the properties that Maven put into the JAR. */
    static String version(String artifact) throws Exception {
        try (InputStream file = Driver.class.getResourceAsStream("/META-INF/maven/" + artifact + "/pom.properties")) {
            Properties properties = new Properties();
            properties.load(file);
            return properties.getProperty("version");
        }
    }

    void main(String client, String version, String[] names) {
        print(fields("client", client, "version", version));
        for (String name : names) print(carryOut(name));
        System.exit(0);
    }

    private Map<String, Object> carryOut(String op) {
        if (notOffered.contains(op)) return fields("op", op, "result", "not offered");
        try {
            Operation run = operations.get(op);
            if (run == null) throw new Exception("no such operation");
            return fields("op", op, "result", "done", "detail", run.run());
        } catch (Throwable fault) {
            return fields("op", op, "result", "failed", "detail", String.valueOf(fault));
        }
    }

    private static void print(Map<String, Object> line) {
        byte[] bytes = (json(line) + "\n").getBytes(StandardCharsets.UTF_8);
        System.out.write(bytes, 0, bytes.length);
        System.out.flush();
    }

    private static String json(Object value) {
        if (value == null || value instanceof Number || value instanceof Boolean) return String.valueOf(value);
        StringBuilder text = new StringBuilder();
        if (value instanceof Map) {
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet())
                text.append(text.length() == 0 ? "" : ",").append(json(entry.getKey())).append(":").append(json(entry.getValue()));
            return "{" + text + "}";
        }
        if (value instanceof Iterable) {
            for (Iterator<?> each = ((Iterable<?>) value).iterator(); each.hasNext(); ) text.append(json(each.next())).append(each.hasNext() ? "," : "");
            return "[" + text + "]";
        }
        for (char c : String.valueOf(value).toCharArray()) {
            if (c == '"' || c == '\\' || c < ' ') text.append(String.format("\\u%04x", (int) c));
            else text.append(c);
        }
        return "\"" + text + "\"";
    }
}
