package sluice.host;

import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** What generic types stand for. */
final class Types {
    private Types() {}

    /** The type arguments that a class gives a generic interface, wherever in its ancestry; Object where it leaves one open. */
    static Type[] argumentsOf(Class<?> type, Class<?> wanted) {
        Type[] found = search(type, wanted, new HashMap<>());
        if (found != null) return found;
        Type[] open = new Type[wanted.getTypeParameters().length];
        Arrays.fill(open, Object.class);
        return open;
    }

    private static Type[] search(Type type, Class<?> wanted, Map<TypeVariable<?>, Type> known) {
        if (type == null) return null;
        Class<?> raw = rawOf(type);
        Map<TypeVariable<?>, Type> bound = new HashMap<>();
        if (type instanceof ParameterizedType) {
            Type[] arguments = ((ParameterizedType) type).getActualTypeArguments();
            TypeVariable<?>[] names = raw.getTypeParameters();
            for (int at = 0; at < names.length; at++) bound.put(names[at], resolve(arguments[at], known));
        }
        if (raw == wanted) {
            TypeVariable<?>[] names = raw.getTypeParameters();
            Type[] arguments = new Type[names.length];
            for (int at = 0; at < names.length; at++) arguments[at] = bound.getOrDefault(names[at], Object.class);
            return arguments;
        }
        for (Type parent : raw.getGenericInterfaces()) {
            Type[] found = search(parent, wanted, bound);
            if (found != null) return found;
        }
        return search(raw.getGenericSuperclass(), wanted, bound);
    }

    /** A type with its variables replaced, as far as they are known. */
    static Type resolve(Type type, Map<TypeVariable<?>, Type> known) {
        if (type instanceof TypeVariable) return known.getOrDefault(type, Object.class);
        if (type instanceof WildcardType) return resolve(((WildcardType) type).getUpperBounds()[0], known);
        if (type instanceof ParameterizedType) {
            Type[] arguments = ((ParameterizedType) type).getActualTypeArguments();
            Type[] resolved = new Type[arguments.length];
            for (int at = 0; at < arguments.length; at++) resolved[at] = resolve(arguments[at], known);
            return new Applied(rawOf(type), resolved);
        }
        return type;
    }

    static Class<?> rawOf(Type type) {
        if (type instanceof Class) return (Class<?>) type;
        if (type instanceof ParameterizedType) return (Class<?>) ((ParameterizedType) type).getRawType();
        if (type instanceof GenericArrayType) {
            Class<?> part = rawOf(((GenericArrayType) type).getGenericComponentType());
            return java.lang.reflect.Array.newInstance(part, 0).getClass();
        }
        if (type instanceof WildcardType) return rawOf(((WildcardType) type).getUpperBounds()[0]);
        return Object.class;
    }

    /** The type argument at a place of a generic type, Object where there is none. */
    static Type argument(Type type, int at) {
        if (!(type instanceof ParameterizedType)) return Object.class;
        Type[] arguments = ((ParameterizedType) type).getActualTypeArguments();
        return at < arguments.length ? arguments[at] : Object.class;
    }

    /** The variables of a generic class with what they stand for in this use of it. */
    static Map<TypeVariable<?>, Type> bindings(Type type) {
        Map<TypeVariable<?>, Type> known = new HashMap<>();
        if (!(type instanceof ParameterizedType)) return known;
        TypeVariable<?>[] names = rawOf(type).getTypeParameters();
        for (int at = 0; at < names.length; at++) known.put(names[at], argument(type, at));
        return known;
    }

    private static final class Applied implements ParameterizedType {
        private final Class<?> raw;
        private final Type[] arguments;

        Applied(Class<?> raw, Type[] arguments) {
            this.raw = raw;
            this.arguments = arguments;
        }

        @Override
        public Type[] getActualTypeArguments() {
            return arguments.clone();
        }

        @Override
        public Type getRawType() {
            return raw;
        }

        @Override
        public Type getOwnerType() {
            return raw.getDeclaringClass();
        }
    }
}
