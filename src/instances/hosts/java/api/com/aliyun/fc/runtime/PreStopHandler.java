package com.aliyun.fc.runtime;

import java.io.IOException;

/** Runs once in each instance, before it is ended. */
public interface PreStopHandler {
    void preStop(Context context) throws IOException;
}
