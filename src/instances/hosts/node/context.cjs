'use strict';
/** The context argument (Function Compute documentation, "Context" for Node.js). */

class Context {
  constructor(about, meta, logger) {
    this.requestId = meta.id;
    this.credentials = { accessKeyId: meta.ak, accessKeySecret: meta.sk, securityToken: meta.token };
    this.function = { ...about.function };
    this.service = { ...about.service };
    this.region = about.region;
    this.accountId = about.accountId;
    this.retryCount = meta.retry ?? 0;
    this.logger = logger;
    this.tracing = { openTracingSpanContext: '', jaegerEndpoint: '', openTracingSpanBaggages: '', ...meta.tracing };
  }
}

module.exports = { Context };
