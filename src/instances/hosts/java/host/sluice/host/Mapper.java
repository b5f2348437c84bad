package sluice.host;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;

/** JSON to objects and back: by the Jackson that the function brings, as the vendor's runtime does, else by a small mapper of our own. */
interface Mapper {
    Object read(byte[] json, Type type) throws Exception;

    byte[] write(Object value) throws Exception;

    static Mapper of(ClassLoader loader) {
        try {
            return new Jackson(loader);
        } catch (ReflectiveOperationException | LinkageError | RuntimeException absent) {
            return new Own();
        }
    }

    final class Own implements Mapper {
        @Override
        public Object read(byte[] json, Type type) {
            return Beans.toJava(Json.parse(new String(json, StandardCharsets.UTF_8)), type, "$");
        }

        @Override
        public byte[] write(Object value) {
            return Json.write(Beans.fromJava(value)).getBytes(StandardCharsets.UTF_8);
        }
    }

    /** com.fasterxml.jackson.databind.ObjectMapper, by reflection; fields that the class does not know are skipped. */
    final class Jackson implements Mapper {
        private final Object mapper;
        private final Object typeFactory;
        private final Method constructType;
        private final Method readValue;
        private final Method writeValue;

        Jackson(ClassLoader loader) throws ReflectiveOperationException {
            Class<?> type = Class.forName("com.fasterxml.jackson.databind.ObjectMapper", true, loader);
            Class<?> javaType = Class.forName("com.fasterxml.jackson.databind.JavaType", false, loader);
            Class<?> feature = Class.forName("com.fasterxml.jackson.databind.DeserializationFeature", true, loader);
            mapper = type.getConstructor().newInstance();
            type.getMethod("findAndRegisterModules").invoke(mapper);
            for (Object value : feature.getEnumConstants()) {
                if (((Enum<?>) value).name().equals("FAIL_ON_UNKNOWN_PROPERTIES")) type.getMethod("configure", feature, boolean.class).invoke(mapper, value, false);
            }
            typeFactory = type.getMethod("getTypeFactory").invoke(mapper);
            constructType = typeFactory.getClass().getMethod("constructType", Type.class);
            readValue = type.getMethod("readValue", byte[].class, javaType);
            writeValue = type.getMethod("writeValueAsBytes", Object.class);
        }

        @Override
        public Object read(byte[] json, Type type) throws Exception {
            return call(readValue, mapper, json, call(constructType, typeFactory, type));
        }

        @Override
        public byte[] write(Object value) throws Exception {
            return (byte[]) call(writeValue, mapper, value);
        }

        private static Object call(Method method, Object target, Object... arguments) throws Exception {
            try {
                return method.invoke(target, arguments);
            } catch (InvocationTargetException error) {
                if (error.getCause() instanceof Exception) throw (Exception) error.getCause();
                throw error;
            }
        }
    }
}
