import com.aliyun.fc.runtime.Context;
import com.aliyun.fc.runtime.PreStopHandler;
import com.aliyun.fc.runtime.StreamRequestHandler;
import java.io.InputStream;
import java.io.OutputStream;

/** Says that it is about to end; interface and hook came with fc-java-core 1.4. */
public class Stops implements StreamRequestHandler, PreStopHandler {
    @Override
    public void handleRequest(InputStream input, OutputStream output, Context context) {}

    @Override
    public void preStop(Context context) {
        System.out.println("stopping");
    }
}
