package sluice.host;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import sluice.host.Failures.HandlerError;

/**
 * The function's classes. Their loader knows the function's own folders and jars, then the interfaces of the runtime for functions that do not
 * bring them, and below that Java itself, but nothing of this host.
 */
final class UserCode {
    private static final String RUNTIME = "com.aliyun.fc.runtime.";

    private static final int MOST_NAMES = 3000;

    final ClassLoader loader;
    private final Loader own;
    /** One object of a class, whatever roles it plays. */
    private final Map<String, Object> objects = new HashMap<>();

    UserCode(List<String> classPath) throws IOException {
        URL[] urls = new URL[classPath.size()];
        for (int at = 0; at < urls.length; at++) urls[at] = new File(classPath.get(at)).toURI().toURL();
        own = new Loader(urls);
        loader = own;
        System.setProperty("java.class.path", String.join(File.pathSeparator, classPath.subList(0, urls.length - 1)));
    }

    /** Opens the jars. */
    void open() {
        loader.getResource("META-INF/services/none");
    }

    /** Reads a class without running anything of it; one that is not there is not missed. */
    void read(String name) {
        try {
            // Asking for its members is what links it.
            Class.forName(name, false, loader).getDeclaredConstructors();
        } catch (ClassNotFoundException | LinkageError | RuntimeException absent) {
            own.forget(name);
        }
    }

    /** Names of the classes that were loaded from the function's own folders and jars; they are given once and no longer collected. */
    String loaded() {
        return String.join("\n", own.names());
    }

    private static final class Loader extends URLClassLoader {
        static {
            registerAsParallelCapable();
        }

        private Set<String> names = ConcurrentHashMap.newKeySet();

        Loader(URL[] urls) {
            super("function", urls, ClassLoader.getPlatformClassLoader());
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            Class<?> found = super.findClass(name);
            Set<String> names = this.names;
            if (names != null && names.size() < MOST_NAMES) names.add(name);
            return found;
        }

        void forget(String name) {
            if (names != null) names.remove(name);
        }

        Set<String> names() {
            Set<String> given = names;
            names = null;
            return given == null ? Set.of() : given;
        }
    }

    /** An interface of the vendor's runtime, as the function has it; null when its version has none of that name. */
    Class<?> runtimeClass(String name) {
        try {
            return Class.forName(RUNTIME + name, false, loader);
        } catch (ClassNotFoundException | LinkageError missing) {
            return null;
        }
    }

    /** The handler that '[package.]Class::method' names. */
    Handler handler(String name) throws Exception {
        Object target = object(name, "handler");
        Class<?> stream = runtimeClass("StreamRequestHandler");
        if (stream != null && stream.isInstance(target)) return Handler.stream(target, method(stream, "handleRequest", 3));
        Class<?> pojo = runtimeClass("PojoRequestHandler");
        if (pojo != null && pojo.isInstance(target)) return Handler.pojo(target, method(pojo, "handleRequest", 2), pojo);
        throw new HandlerError("HandlerNotFound", "The handler '" + name + "' cannot be called: its class implements neither StreamRequestHandler nor"
            + " PojoRequestHandler of " + RUNTIME + "*" + (isHttp(target) ? "; HttpRequestHandler is not carried out" : ""), null);
    }

    /** A hook: `initialize` of FunctionInitializer or `preStop` of PreStopHandler. */
    Hook hook(String name, String what, String interfaceName, String methodName) throws Exception {
        Object target = object(name, what);
        Class<?> type = runtimeClass(interfaceName);
        if (type == null || !type.isInstance(target)) {
            throw new HandlerError("HandlerNotFound", "The " + what + " '" + name + "' cannot be called: its class does not implement " + RUNTIME + interfaceName, null);
        }
        return new Hook(target, method(type, methodName, 1));
    }

    /** A method without result that takes the context. */
    static final class Hook {
        private final Object target;
        private final Method method;

        Hook(Object target, Method method) {
            this.target = target;
            this.method = method;
        }

        void run(Contexts contexts, Map<String, Object> meta) throws Exception {
            method.invoke(target, contexts.make(method.getParameterTypes()[0], meta));
        }
    }

    private static Method method(Class<?> type, String name, int parameters) throws NoSuchMethodException {
        for (Method method : type.getMethods()) if (method.getName().equals(name) && method.getParameterCount() == parameters) return method;
        throw new NoSuchMethodException(type.getName() + "." + name);
    }

    private boolean isHttp(Object target) {
        Class<?> http = runtimeClass("HttpRequestHandler");
        return http != null && http.isInstance(target);
    }

    private Object object(String handler, String what) throws Exception {
        int colons = handler.indexOf("::");
        String name = colons > 0 ? handler.substring(0, colons) : "";
        if (name.isEmpty() || colons + 2 >= handler.length()) {
            throw new HandlerError("HandlerNotFound", "The " + what + " '" + handler + "' is not of the form [package.]Class::method", null);
        }
        Object known = objects.get(name);
        if (known != null) return known;
        Class<?> type;
        try {
            type = Class.forName(name, false, loader);
        } catch (ClassNotFoundException | NoClassDefFoundError missing) {
            throw new HandlerError("HandlerNotFound", "The " + what + " '" + handler + "' was not found: " + missing, missing);
        } catch (UnsupportedClassVersionError tooNew) {
            String java = System.getProperty("java.specification.version");
            throw new HandlerError("HandlerNotFound", "The " + what + " '" + handler + "' is compiled for a newer Java than the " + java
                + " that it runs on here; compile with --release " + java + " or lower: " + tooNew.getMessage(), tooNew);
        }
        Constructor<?> constructor;
        try {
            constructor = type.getDeclaredConstructor();
        } catch (NoSuchMethodException missing) {
            throw new HandlerError("HandlerNotFound", "The class of the " + what + " '" + handler + "' has no constructor without arguments", missing);
        }
        constructor.setAccessible(true);
        Object made = constructor.newInstance();
        objects.put(name, made);
        return made;
    }
}
