package sluice.host;

import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Errors of user code as the vendor's error JSON: errorMessage, errorType, errorCause, stackTrace without this host's own frames. */
final class Failures {
    private static final int LONGEST_TRACE = 100;

    private Failures() {}

    /** The handler cannot be found or is of no use; `kind` is the errorType. */
    static final class HandlerError extends Exception {
        private static final long serialVersionUID = 1;
        final String kind;

        HandlerError(String kind, String message, Throwable cause) {
            super(message, cause);
            this.kind = kind;
        }
    }

    /** What user code threw, without the wrapping of reflection. */
    static Throwable thrownBy(Throwable error) {
        Throwable here = error;
        while (here instanceof InvocationTargetException && here.getCause() != null) here = here.getCause();
        return here;
    }

    static boolean isOutOfMemory(Throwable error) {
        Throwable here = error;
        for (int depth = 0; here != null && depth < 16; depth++, here = here.getCause()) if (here instanceof OutOfMemoryError) return true;
        return false;
    }

    static Map<String, Object> describe(Throwable error) {
        Map<String, Object> about = new LinkedHashMap<>();
        about.put("errorMessage", messageOf(error));
        about.put("errorType", error instanceof HandlerError ? ((HandlerError) error).kind : error.getClass().getName());
        about.put("errorCause", messageOf(rootOf(error)));
        about.put("stackTrace", trace(error instanceof HandlerError && error.getCause() != null ? error.getCause() : error));
        return about;
    }

    /** The same for the log: as Java prints a stack trace. */
    static String text(Throwable error) {
        StringBuilder text = new StringBuilder();
        Throwable here = error instanceof HandlerError && error.getCause() != null ? error.getCause() : error;
        String before = "";
        for (int depth = 0; here != null && depth < 16; depth++, here = here.getCause()) {
            text.append(before).append(safely(here));
            for (String line : trace(here)) text.append("\n\tat ").append(line);
            before = "\nCaused by: ";
        }
        return text.toString();
    }

    private static String messageOf(Throwable error) {
        String message;
        try {
            message = error.getLocalizedMessage();
        } catch (RuntimeException broken) {
            return "the error's own text could not be made";
        }
        return message == null ? error.getClass().getName() : message;
    }

    private static String safely(Throwable error) {
        try {
            return error.toString();
        } catch (RuntimeException broken) {
            return error.getClass().getName();
        }
    }

    private static Throwable rootOf(Throwable error) {
        Throwable root = error;
        for (int depth = 0; root.getCause() != null && depth < 16; depth++) root = root.getCause();
        return root;
    }

    private static List<String> trace(Throwable error) {
        List<String> lines = new ArrayList<>();
        StackTraceElement[] trace = error.getStackTrace();
        int end = trace.length;
        for (int at = 0; at < end; at++) if (trace[at].getClassName().startsWith("sluice.host.")) end = at;
        while (end > 0 && end < trace.length && isReflection(trace[end - 1].getClassName())) end--;
        for (int at = 0; at < Math.min(end, LONGEST_TRACE); at++) lines.add(line(trace[at]));
        return lines;
    }

    private static boolean isReflection(String name) {
        return name.startsWith("java.lang.reflect.") || name.startsWith("jdk.internal.reflect.") || name.startsWith("java.lang.invoke.");
    }

    /** Without module and class loader, as the vendor's runtime shows it. */
    private static String line(StackTraceElement frame) {
        String place;
        if (frame.isNativeMethod()) place = "Native Method";
        else if (frame.getFileName() == null) place = "Unknown Source";
        else place = frame.getLineNumber() < 0 ? frame.getFileName() : frame.getFileName() + ":" + frame.getLineNumber();
        return frame.getClassName() + "." + frame.getMethodName() + "(" + place + ")";
    }
}
