package com.aliyun.fc.runtime;

import java.io.IOException;

/** Never called here: instances are not frozen. */
public interface PreFreezeHandler {
    void preFreeze(Context context) throws IOException;
}
