package com.aliyun.fc.runtime;

import java.io.IOException;

/** Runs once in each instance, before its first event. */
public interface FunctionInitializer {
    void initialize(Context context) throws IOException;
}
