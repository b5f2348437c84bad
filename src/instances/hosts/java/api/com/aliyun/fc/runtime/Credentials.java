package com.aliyun.fc.runtime;

/** Temporary credentials of the function's role; empty strings when it has none. */
public interface Credentials {
    String getAccessKeyId();

    String getAccessKeySecret();

    String getSecurityToken();
}
