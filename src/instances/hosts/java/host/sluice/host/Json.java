package sluice.host;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON as Java's own values: Map, List, String, Integer, Long, BigInteger, Double, BigDecimal, Boolean, null. */
final class Json {
    private static final int DEEPEST = 512;

    static final class Malformed extends RuntimeException {
        private static final long serialVersionUID = 1;

        Malformed(String message) {
            super(message);
        }
    }

    private final String text;
    private int at;
    private int depth;

    private Json(String text) {
        this.text = text;
    }

    /** @throws Malformed when the text is not one JSON value */
    static Object parse(String text) {
        Json json = new Json(text);
        json.skip();
        Object value = json.value();
        json.skip();
        if (json.at < text.length()) throw json.malformed("more text after the value");
        return value;
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> object(Object value) {
        return (Map<String, Object>) value;
    }

    private Malformed malformed(String what) {
        return new Malformed("not JSON: " + what + " at character " + (at + 1));
    }

    private void skip() {
        while (at < text.length()) {
            char next = text.charAt(at);
            if (next != ' ' && next != '\n' && next != '\t' && next != '\r') return;
            at++;
        }
    }

    private char peek() {
        if (at >= text.length()) throw malformed("the end comes too early");
        return text.charAt(at);
    }

    private Object value() {
        switch (peek()) {
            case '{':
                return map();
            case '[':
                return list();
            case '"':
                return string();
            case 't':
                return word("true", Boolean.TRUE);
            case 'f':
                return word("false", Boolean.FALSE);
            case 'n':
                return word("null", null);
            default:
                return number();
        }
    }

    private Object word(String word, Object value) {
        if (!text.startsWith(word, at)) throw malformed("an unknown word");
        at += word.length();
        return value;
    }

    private void enter() {
        if (++depth > DEEPEST) throw malformed("more than " + DEEPEST + " levels");
        at++;
        skip();
    }

    private Map<String, Object> map() {
        Map<String, Object> map = new LinkedHashMap<>();
        enter();
        while (peek() != '}') {
            if (peek() != '"') throw malformed("a name is expected");
            String name = string();
            skip();
            if (peek() != ':') throw malformed("a colon is expected");
            at++;
            skip();
            map.put(name, value());
            next('}');
        }
        return leave(map);
    }

    private List<Object> list() {
        List<Object> list = new ArrayList<>();
        enter();
        while (peek() != ']') {
            list.add(value());
            next(']');
        }
        return leave(list);
    }

    private <T> T leave(T value) {
        depth--;
        at++;
        return value;
    }

    private void next(char end) {
        skip();
        if (peek() == end) return;
        if (peek() != ',') throw malformed("a comma is expected");
        at++;
        skip();
        if (peek() == end) throw malformed("a value is expected");
    }

    private String string() {
        StringBuilder built = null;
        int from = ++at;
        while (true) {
            char next = peek();
            if (next == '"') {
                String part = text.substring(from, at++);
                return built == null ? part : built.append(part).toString();
            }
            if (next < ' ') throw malformed("a control character in a string");
            if (next != '\\') {
                at++;
                continue;
            }
            if (built == null) built = new StringBuilder();
            built.append(text, from, at++);
            built.append(escaped());
            from = at;
        }
    }

    private char escaped() {
        char next = peek();
        at++;
        switch (next) {
            case 'n':
                return '\n';
            case 't':
                return '\t';
            case 'r':
                return '\r';
            case 'b':
                return '\b';
            case 'f':
                return '\f';
            case 'u':
                if (at + 4 > text.length()) throw malformed("the end comes too early");
                int code = 0;
                for (int end = at + 4; at < end; at++) {
                    int digit = Character.digit(text.charAt(at), 16);
                    if (digit < 0) throw malformed("four hexadecimal digits are expected");
                    code = code * 16 + digit;
                }
                return (char) code;
            case '"':
            case '\\':
            case '/':
                return next;
            default:
                throw malformed("an unknown escape");
        }
    }

    private Object number() {
        int from = at;
        boolean isWhole = true;
        for (; at < text.length(); at++) {
            char next = text.charAt(at);
            if (next == '.' || next == 'e' || next == 'E') isWhole = false;
            else if (next != '-' && next != '+' && (next < '0' || next > '9')) break;
        }
        String digits = text.substring(from, at);
        try {
            if (!isWhole) return Double.valueOf(digits);
            if (digits.length() < 10) return Integer.valueOf(digits);
            BigInteger whole = new BigInteger(digits);
            if (whole.bitLength() < 32) return whole.intValue();
            if (whole.bitLength() < 64) return whole.longValue();
            return whole;
        } catch (NumberFormatException error) {
            at = from;
            throw malformed("a value is expected");
        }
    }

    /** Writes what parse gives, and any CharSequence, Number, Boolean, Map and Iterable. */
    static String write(Object value) {
        StringBuilder out = new StringBuilder(128);
        write(out, value);
        return out.toString();
    }

    private static void write(StringBuilder out, Object value) {
        if (value == null || value instanceof Boolean || value instanceof BigDecimal) out.append(value);
        else if (value instanceof Double || value instanceof Float) number(out, ((Number) value).doubleValue(), value);
        else if (value instanceof Number) out.append(value);
        else if (value instanceof Map) map(out, (Map<?, ?>) value);
        else if (value instanceof Iterable) list(out, (Iterable<?>) value);
        else quote(out, value.toString());
    }

    private static void number(StringBuilder out, double number, Object value) {
        if (Double.isNaN(number) || Double.isInfinite(number)) quote(out, value.toString());
        else out.append(value);
    }

    private static void map(StringBuilder out, Map<?, ?> map) {
        out.append('{');
        String separator = "";
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            out.append(separator);
            quote(out, String.valueOf(entry.getKey()));
            out.append(':');
            write(out, entry.getValue());
            separator = ",";
        }
        out.append('}');
    }

    private static void list(StringBuilder out, Iterable<?> list) {
        out.append('[');
        String separator = "";
        for (Object value : list) {
            out.append(separator);
            write(out, value);
            separator = ",";
        }
        out.append(']');
    }

    private static void quote(StringBuilder out, String text) {
        out.append('"');
        for (int at = 0; at < text.length(); at++) {
            char next = text.charAt(at);
            if (next == '"' || next == '\\') out.append('\\').append(next);
            else if (next == '\n') out.append("\\n");
            else if (next == '\r') out.append("\\r");
            else if (next == '\t') out.append("\\t");
            else if (next < ' ' || isHalf(text, at)) hex(out, next);
            else out.append(next);
        }
        out.append('"');
    }

    /** A surrogate without its other half has no UTF-8. */
    private static boolean isHalf(String text, int at) {
        char here = text.charAt(at);
        if (!Character.isSurrogate(here)) return false;
        if (Character.isHighSurrogate(here)) return at + 1 >= text.length() || !Character.isLowSurrogate(text.charAt(at + 1));
        return at == 0 || !Character.isHighSurrogate(text.charAt(at - 1));
    }

    private static void hex(StringBuilder out, char next) {
        String digits = Integer.toHexString(next);
        out.append("\\u").append("0000", 0, 4 - digits.length()).append(digits);
    }
}
