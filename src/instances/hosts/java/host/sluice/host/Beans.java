package sluice.host;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** Java objects from JSON values and back, for functions without Jackson: maps, lists, strings, numbers, enums, arrays and beans. */
final class Beans {
    private static final int DEEPEST = 200;

    private Beans() {}

    static final class Unfit extends IllegalArgumentException {
        private static final long serialVersionUID = 1;

        Unfit(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** @param path where in the document the value stands, for the message. @throws Unfit when the value does not fit the type */
    static Object toJava(Object json, Type type, String path) {
        Class<?> raw = Types.rawOf(type);
        if (json == null) return raw.isPrimitive() ? zero(raw) : raw == Optional.class ? Optional.empty() : null;
        if (raw == Object.class) return json;
        if (raw == Optional.class) return Optional.of(toJava(json, Types.argument(type, 0), path));
        if (raw == String.class || raw == CharSequence.class) {
            if (json instanceof Map || json instanceof List) throw unfit(json, type, path, null);
            return json.toString();
        }
        if (raw == boolean.class || raw == Boolean.class) return expect(Boolean.class, json, type, path);
        if (raw == char.class || raw == Character.class) {
            String text = expect(String.class, json, type, path);
            if (text.length() != 1) throw unfit(json, type, path, null);
            return text.charAt(0);
        }
        if (raw.isEnum()) return constant(raw, json, path);
        if (raw.isPrimitive() || Number.class.isAssignableFrom(raw)) return number(json, raw, path);
        if (raw == Date.class) return new Date(expect(Number.class, json, type, path).longValue());
        if (raw.isArray()) return array(expect(List.class, json, type, path), type, path);
        if (Collection.class.isAssignableFrom(raw) || raw == Iterable.class) return collection(expect(List.class, json, type, path), type, path);
        if (Map.class.isAssignableFrom(raw)) return map(Json.object(expect(Map.class, json, type, path)), type, path);
        return bean(Json.object(expect(Map.class, json, type, path)), type, path);
    }

    private static Unfit unfit(Object json, Type type, String path, Throwable cause) {
        String what = json instanceof Map ? "an object" : json instanceof List ? "an array" : json instanceof String ? "a string" : String.valueOf(json);
        return new Unfit("The event does not fit: " + path + " is " + what + ", expected " + type.getTypeName(), cause);
    }

    private static <T> T expect(Class<T> wanted, Object json, Type type, String path) {
        if (!wanted.isInstance(json)) throw unfit(json, type, path, null);
        return wanted.cast(json);
    }

    private static Object zero(Class<?> raw) {
        return Array.get(Array.newInstance(raw, 1), 0);
    }

    private static Object constant(Class<?> raw, Object json, String path) {
        for (Object value : raw.getEnumConstants()) if (((Enum<?>) value).name().equals(json)) return value;
        throw unfit(json, raw, path, null);
    }

    private static Object number(Object json, Class<?> raw, String path) {
        if (!(json instanceof Number) && !(json instanceof String)) throw unfit(json, raw, path, null);
        try {
            BigDecimal exact = new BigDecimal(json.toString().trim());
            if (raw == int.class || raw == Integer.class) return exact.intValueExact();
            if (raw == long.class || raw == Long.class) return exact.longValueExact();
            if (raw == short.class || raw == Short.class) return exact.shortValueExact();
            if (raw == byte.class || raw == Byte.class) return exact.byteValueExact();
            if (raw == double.class || raw == Double.class) return exact.doubleValue();
            if (raw == float.class || raw == Float.class) return exact.floatValue();
            if (raw == BigInteger.class) return exact.toBigIntegerExact();
            if (raw == BigDecimal.class) return exact;
            return json;
        } catch (ArithmeticException | NumberFormatException error) {
            throw unfit(json, raw, path, error);
        }
    }

    private static Object array(List<?> json, Type type, String path) {
        Class<?> part = Types.rawOf(type).getComponentType();
        Object array = Array.newInstance(part, json.size());
        for (int at = 0; at < json.size(); at++) Array.set(array, at, toJava(json.get(at), part, path + "[" + at + "]"));
        return array;
    }

    private static Object collection(List<?> json, Type type, String path) {
        Class<?> raw = Types.rawOf(type);
        Collection<Object> made;
        if (!raw.isInterface() && !Modifier.isAbstract(raw.getModifiers())) made = cast(make(raw, path));
        else if (raw.isAssignableFrom(ArrayList.class)) made = new ArrayList<>();
        else if (raw.isAssignableFrom(LinkedHashSet.class)) made = new LinkedHashSet<>();
        else if (Set.class.isAssignableFrom(raw)) made = new TreeSet<>();
        else if (raw == Queue.class || raw == Deque.class) made = new ArrayDeque<>();
        else throw unfit(json, type, path, null);
        Type part = Types.argument(type, 0);
        for (int at = 0; at < json.size(); at++) made.add(toJava(json.get(at), part, path + "[" + at + "]"));
        return made;
    }

    private static Object map(Map<String, Object> json, Type type, String path) {
        Class<?> raw = Types.rawOf(type);
        Map<Object, Object> made;
        if (!raw.isInterface() && !Modifier.isAbstract(raw.getModifiers())) made = cast(make(raw, path));
        else if (raw.isAssignableFrom(LinkedHashMap.class)) made = new LinkedHashMap<>();
        else if (raw.isAssignableFrom(TreeMap.class)) made = new TreeMap<>();
        else throw unfit(json, type, path, null);
        Type key = Types.argument(type, 0);
        Type value = Types.argument(type, 1);
        json.forEach((name, one) -> made.put(toJava(name, key, path), toJava(one, value, path + "." + name)));
        return made;
    }

    @SuppressWarnings("unchecked")
    private static <T> T cast(Object made) {
        return (T) made;
    }

    private static Object make(Class<?> raw, String path) {
        try {
            Constructor<?> constructor = raw.getDeclaredConstructor();
            constructor.setAccessible(true);
            return constructor.newInstance();
        } catch (InvocationTargetException error) {
            throw new Unfit(path + ": the constructor of " + raw.getName() + " failed: " + error.getCause(), error.getCause());
        } catch (ReflectiveOperationException | RuntimeException error) {
            throw new Unfit(path + ": " + raw.getName() + " cannot be made without arguments; bring Jackson for such a class", error);
        }
    }

    private static Object bean(Map<String, Object> json, Type type, String path) {
        Class<?> raw = Types.rawOf(type);
        Object made = make(raw, path);
        json.forEach((name, value) -> {
            try {
                Method setter = setter(raw, name);
                Field field = setter == null ? field(raw, name) : null;
                if (setter == null && field == null) return;
                Type wanted = Types.resolve(setter == null ? field.getGenericType() : setter.getGenericParameterTypes()[0], Types.bindings(type));
                Object fit = toJava(value, wanted, path + "." + name);
                if (setter == null) field.set(made, fit);
                else setter.invoke(made, fit);
            } catch (InvocationTargetException error) {
                throw new Unfit(path + "." + name + ": " + error.getCause(), error.getCause());
            } catch (IllegalAccessException error) {
                throw new Unfit(path + "." + name + ": " + error.getMessage(), error);
            }
        });
        return made;
    }

    private static Method setter(Class<?> raw, String name) {
        if (name.isEmpty()) return null;
        String wanted = "set" + Character.toUpperCase(name.charAt(0)) + name.substring(1);
        for (Method method : raw.getMethods()) {
            if (method.getName().equals(wanted) && method.getParameterCount() == 1 && !method.isBridge() && !Modifier.isStatic(method.getModifiers())) return open(method);
        }
        return null;
    }

    private static Field field(Class<?> raw, String name) {
        for (Field field : raw.getFields()) {
            int modifiers = field.getModifiers();
            if (!field.getName().equals(name) || Modifier.isStatic(modifiers) || Modifier.isFinal(modifiers)) continue;
            field.setAccessible(true);
            return field;
        }
        return null;
    }

    private static Method open(Method method) {
        method.setAccessible(true);
        return method;
    }

    /** What Json.write can write. @throws Unfit for a cycle */
    static Object fromJava(Object value) {
        return fromJava(value, 0);
    }

    private static Object fromJava(Object value, int depth) {
        if (depth > DEEPEST) throw new Unfit("The result is nested more than " + DEEPEST + " levels deep, or holds itself", null);
        if (value == null || value instanceof CharSequence || value instanceof Number || value instanceof Boolean) return value;
        if (value instanceof Character) return value.toString();
        if (value instanceof Enum) return ((Enum<?>) value).name();
        if (value instanceof Date) return ((Date) value).getTime();
        if (value instanceof Optional) return fromJava(((Optional<?>) value).orElse(null), depth + 1);
        if (value instanceof Map) {
            Map<String, Object> made = new LinkedHashMap<>();
            ((Map<?, ?>) value).forEach((name, one) -> made.put(String.valueOf(name), fromJava(one, depth + 1)));
            return made;
        }
        List<Object> list = new ArrayList<>();
        if (value instanceof Iterable) {
            for (Object one : (Iterable<?>) value) list.add(fromJava(one, depth + 1));
            return list;
        }
        if (value instanceof byte[]) return java.util.Base64.getEncoder().encodeToString((byte[]) value);
        if (value.getClass().isArray()) {
            for (int at = 0; at < Array.getLength(value); at++) list.add(fromJava(Array.get(value, at), depth + 1));
            return list;
        }
        // Times, URIs, ids and the like: Java's own classes are no beans.
        if (value.getClass().getClassLoader() == null || value.getClass().getName().startsWith("java.")) return value.toString();
        return properties(value, depth);
    }

    private static Map<String, Object> properties(Object value, int depth) {
        Map<String, Object> made = new LinkedHashMap<>();
        Class<?> raw = value.getClass();
        try {
            for (Field field : raw.getFields()) {
                if (Modifier.isStatic(field.getModifiers())) continue;
                field.setAccessible(true);
                made.put(field.getName(), fromJava(field.get(value), depth + 1));
            }
            // Fields give the order, which methods have none of.
            for (Class<?> owner = raw; owner != null && owner != Object.class; owner = owner.getSuperclass()) {
                for (Field field : owner.getDeclaredFields()) {
                    Method getter = Modifier.isStatic(field.getModifiers()) ? null : getter(raw, field.getName());
                    if (getter != null) made.put(field.getName(), fromJava(getter.invoke(value), depth + 1));
                }
            }
            for (Method method : raw.getMethods()) {
                String name = propertyOf(method);
                if (name != null && !made.containsKey(name)) made.put(name, fromJava(open(method).invoke(value), depth + 1));
            }
            return made;
        } catch (InvocationTargetException error) {
            throw new Unfit("The result cannot be read: " + error.getCause(), error.getCause());
        } catch (IllegalAccessException error) {
            throw new Unfit("The result cannot be read: " + error.getMessage(), error);
        }
    }

    private static Method getter(Class<?> raw, String property) {
        for (Method method : raw.getMethods()) if (property.equals(propertyOf(method))) return open(method);
        return null;
    }

    /** The property that a method gets, or null: getX, isX, or x of a record. */
    private static String propertyOf(Method method) {
        String name = method.getName();
        Class<?> owner = method.getDeclaringClass();
        if (method.getParameterCount() > 0 || owner == Object.class || method.isBridge() || Modifier.isStatic(method.getModifiers())) return null;
        if (method.getReturnType() == void.class) return null;
        int prefix = name.startsWith("get") ? 3 : name.startsWith("is") && method.getReturnType() == boolean.class ? 2 : 0;
        if (prefix > 0 && name.length() > prefix && Character.isUpperCase(name.charAt(prefix))) {
            return Character.toLowerCase(name.charAt(prefix)) + name.substring(prefix + 1);
        }
        boolean isRecord = owner.getSuperclass() != null && owner.getSuperclass().getName().equals("java.lang.Record");
        if (!isRecord) return null;
        for (Field field : owner.getDeclaredFields()) if (field.getName().equals(name) && !Modifier.isStatic(field.getModifiers())) return name;
        return null;
    }
}
