package com.aliyun.fc.runtime;

import java.util.Map;

/** The trace that the invocation is part of. */
public interface OpenTracing {
    String getSpanContext();

    Map<String, String> getSpanBaggages();

    String getJaegerEndpoint();
}
