package com.aliyun.fc.runtime;

/** The service that the function belongs to, and its version. */
public interface Service {
    String getName();

    String getLogProject();

    String getLogStore();

    String getQualifier();

    String getVersionId();
}
