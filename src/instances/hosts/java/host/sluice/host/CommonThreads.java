package sluice.host;

import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinPool.ForkJoinWorkerThreadFactory;
import java.util.concurrent.ForkJoinWorkerThread;

/** Gives the threads of Java's common pool the function's class loader: by themselves they would look for classes where this host is. */
public final class CommonThreads implements ForkJoinWorkerThreadFactory {
    private static final String PROPERTY = "java.util.concurrent.ForkJoinPool.common.threadFactory";
    private static volatile ClassLoader loader;

    static void use(ClassLoader of) {
        loader = of;
        if (System.getProperty(PROPERTY) != null) return;
        System.setProperty(PROPERTY, CommonThreads.class.getName());
        ForkJoinPool.commonPool();
        System.clearProperty(PROPERTY);
    }

    @Override
    public ForkJoinWorkerThread newThread(ForkJoinPool pool) {
        ForkJoinWorkerThread thread = ForkJoinPool.defaultForkJoinWorkerThreadFactory.newThread(pool);
        thread.setContextClassLoader(loader);
        return thread;
    }
}
