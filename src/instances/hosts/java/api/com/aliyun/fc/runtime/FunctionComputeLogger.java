package com.aliyun.fc.runtime;

/** Writes lines with time, request id and level into the function's log. */
public interface FunctionComputeLogger {
    enum Level {
        TRACE,
        DEBUG,
        INFO,
        WARN,
        ERROR,
        FATAL
    }

    void trace(String message);

    void debug(String message);

    void info(String message);

    void warn(String message);

    void error(String message);

    void fatal(String message);

    void setLogLevel(Level level);
}
