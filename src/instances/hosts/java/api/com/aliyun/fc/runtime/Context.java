package com.aliyun.fc.runtime;

/** What a function learns of its invocation. */
public interface Context {
    String getRequestId();

    Credentials getExecutionCredentials();

    FunctionParam getFunctionParam();

    Service getService();

    FunctionComputeLogger getLogger();

    OpenTracing getTracing();

    int getRetryCount();
}
