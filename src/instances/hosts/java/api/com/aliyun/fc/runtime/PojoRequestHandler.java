package com.aliyun.fc.runtime;

/** A function from JSON to JSON, as objects. */
public interface PojoRequestHandler<I, O> {
    O handleRequest(I input, Context context);
}
