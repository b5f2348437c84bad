package sluice.host;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The Context argument (fc-java-core, com.aliyun.fc.runtime.Context). Its interfaces are those that the function's own class loader has, in
 * whatever version it brings; a method that this host does not know answers null, 0 or false.
 */
final class Contexts {
    private final Map<String, Object> about;
    private volatile int leastLevel = levelOf("INFO");

    /** @param about the function's settings, as the server names them */
    Contexts(Map<String, Object> about) {
        this.about = about;
    }

    /**
     * @param contextClass the interface as the handler's class loader has it
     * @param meta id, ak, sk, token and, where there are any, retry and tracing
     */
    Object make(Class<?> contextClass, Map<String, Object> meta) {
        String request = text(meta, "id");
        Map<String, Object> values = new ConcurrentHashMap<>();
        values.put("getRequestId", request);
        values.put("getRetryCount", meta.getOrDefault("retry", 0));
        Map<String, Object> credentials = new HashMap<>();
        credentials.put("getAccessKeyId", text(meta, "ak"));
        credentials.put("getAccessKeySecret", text(meta, "sk"));
        credentials.put("getSecurityToken", text(meta, "token"));
        Map<String, Map<String, Object>> parts = new HashMap<>();
        parts.put("getExecutionCredentials", credentials);
        parts.put("getFunctionParam", function());
        parts.put("getService", service());
        parts.put("getTracing", tracing(meta.get("tracing")));
        return proxy(contextClass, new Values("Context", values) {
            @Override
            Object value(Method method, Object[] arguments) {
                Class<?> type = method.getReturnType();
                if (method.getName().equals("getLogger")) return values.computeIfAbsent("getLogger", name -> logger(type, request));
                Map<String, Object> part = parts.get(method.getName());
                if (part == null || !type.isInterface()) return super.value(method, arguments);
                // Made when asked for: most functions look at one part only.
                return values.computeIfAbsent(method.getName(), name -> proxy(type, new Values(name.substring(3), part)));
            }
        });
    }

    private Map<String, Object> function() {
        Map<String, Object> function = new HashMap<>();
        function.put("getFunctionName", text(about, "name"));
        function.put("getFunctionHandler", text(about, "handler"));
        function.put("getFunctionInitializer", text(about, "initializer"));
        function.put("getExecTimeLimitInMillis", about.get("timeoutMs"));
        function.put("getMemoryLimitInMB", about.get("memory"));
        return function;
    }

    private Map<String, Object> service() {
        Map<String, Object> service = new HashMap<>();
        service.put("getName", text(about, "service"));
        service.put("getLogProject", text(about, "logProject"));
        service.put("getLogStore", text(about, "logStore"));
        service.put("getQualifier", text(about, "qualifier"));
        service.put("getVersionId", text(about, "versionId"));
        return service;
    }

    private static Map<String, Object> tracing(Object given) {
        Map<String, Object> meta = given instanceof Map ? Json.object(given) : Collections.emptyMap();
        Map<String, Object> tracing = new HashMap<>();
        tracing.put("getSpanContext", text(meta, "spanContext"));
        tracing.put("getJaegerEndpoint", text(meta, "jaegerEndpoint"));
        tracing.put("getSpanBaggages", baggages(text(meta, "spanBaggages")));
        return tracing;
    }

    /** Base64 of a JSON object of strings. */
    private static Map<String, String> baggages(String encoded) {
        Map<String, String> items = new LinkedHashMap<>();
        if (encoded.isEmpty()) return items;
        try {
            Object parsed = Json.parse(new String(Base64.getDecoder().decode(encoded), StandardCharsets.UTF_8));
            if (parsed instanceof Map) Json.object(parsed).forEach((name, value) -> items.put(name, String.valueOf(value)));
        } catch (IllegalArgumentException | Json.Malformed notBaggage) {
            return Collections.emptyMap();
        }
        return items;
    }

    private Object logger(Class<?> loggerClass, String request) {
        return proxy(loggerClass, new Values("Logger", Collections.emptyMap()) {
            @Override
            Object value(Method method, Object[] arguments) {
                String name = method.getName();
                Object first = arguments.length == 1 ? arguments[0] : null;
                if (name.equals("setLogLevel") && first instanceof Enum) leastLevel = levelOf(((Enum<?>) first).name());
                else if (levelOf(name) >= leastLevel && arguments.length == 1) Printed.log(request, name.toUpperCase(Locale.ROOT), String.valueOf(first));
                return null;
            }
        });
    }

    private static int levelOf(String name) {
        switch (name.toUpperCase(Locale.ROOT)) {
            case "TRACE":
                return 0;
            case "DEBUG":
                return 1;
            case "INFO":
                return 2;
            case "WARN":
                return 3;
            case "ERROR":
                return 4;
            case "FATAL":
                return 5;
            default:
                return -1;
        }
    }

    private static String text(Map<String, Object> from, String name) {
        Object value = from.get(name);
        return value == null ? "" : value.toString();
    }

    static Object proxy(Class<?> type, InvocationHandler values) {
        return Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, values);
    }

    /** Answers the getters of an interface. */
    static class Values implements InvocationHandler {
        private final String name;
        private final Map<String, Object> values;

        Values(String name, Map<String, Object> values) {
            this.name = name;
            this.values = values;
        }

        Object value(Method method, Object[] arguments) {
            Object value = values.get(method.getName());
            Class<?> type = method.getReturnType();
            if (type == int.class) return value instanceof Number ? ((Number) value).intValue() : 0;
            if (type == long.class) return value instanceof Number ? ((Number) value).longValue() : 0L;
            if (type == boolean.class) return Boolean.TRUE.equals(value);
            return type.isInstance(value) ? value : null;
        }

        @Override
        public Object invoke(Object proxy, Method method, Object[] arguments) {
            if (method.getDeclaringClass() != Object.class) return value(method, arguments == null ? new Object[0] : arguments);
            switch (method.getName()) {
                case "equals":
                    return proxy == arguments[0];
                case "hashCode":
                    return System.identityHashCode(proxy);
                default:
                    return name;
            }
        }
    }
}
