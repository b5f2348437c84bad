package sluice.host;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.util.Map;

/** The function itself, from the bytes of an event to the bytes of its result. */
abstract class Handler {
    final Object target;
    final Method method;
    private final Class<?> contextClass;

    Handler(Object target, Method method) {
        this.target = target;
        this.method = method;
        Class<?>[] parameters = method.getParameterTypes();
        contextClass = parameters[parameters.length - 1];
    }

    /** @throws Exception what the function threw, wrapped as reflection does */
    abstract byte[] call(byte[] event, Object context) throws Exception;

    byte[] call(byte[] event, Contexts contexts, Map<String, Object> meta) throws Exception {
        byte[] result = call(event, contexts.make(contextClass, meta));
        if (result.length > Wire.MAX_BODY) throw new ResultTooLarge(result.length);
        return result;
    }

    static Handler stream(Object target, Method method) {
        return new Handler(target, method) {
            @Override
            byte[] call(byte[] event, Object context) throws Exception {
                InputStream input = new ByteArrayInputStream(event);
                ByteArrayOutputStream output = new ByteArrayOutputStream(1024);
                method.invoke(target, input, (OutputStream) output, context);
                return output.toByteArray();
            }
        };
    }

    static Handler pojo(Object target, Method method, Class<?> pojoInterface) {
        Type[] types = Types.argumentsOf(target.getClass(), pojoInterface);
        Mapper mapper = Mapper.of(target.getClass().getClassLoader());
        return new Handler(target, method) {
            @Override
            byte[] call(byte[] event, Object context) throws Exception {
                Object input = isBlank(event) ? null : mapper.read(event, types[0]);
                return mapper.write(method.invoke(target, input, context));
            }
        };
    }

    private static boolean isBlank(byte[] event) {
        for (byte next : event) if (next != ' ' && next != '\n' && next != '\r' && next != '\t') return false;
        return true;
    }

    static final class ResultTooLarge extends Exception {
        private static final long serialVersionUID = 1;

        ResultTooLarge(int size) {
            super("The function returned " + size + " bytes; the limit is " + Wire.MAX_BODY + ". Send large answers with WriteGetObjectResponse.");
        }
    }
}
