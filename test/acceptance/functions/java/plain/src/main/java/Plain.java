import com.aliyun.fc.runtime.Context;
import com.aliyun.fc.runtime.FunctionInitializer;
import com.aliyun.fc.runtime.StreamRequestHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** Speaks only through what every version of fc-java-core has. */
public class Plain implements StreamRequestHandler, FunctionInitializer {
    private String initialised = "no";

    @Override
    public void initialize(Context context) throws IOException {
        initialised = context.getFunctionParam().getFunctionName();
    }

    @Override
    public void handleRequest(InputStream input, OutputStream output, Context context) throws IOException {
        String event = new String(input.readAllBytes(), StandardCharsets.UTF_8);
        if (event.equals("exit")) System.exit(7);
        if (event.equals("throw")) throw new IOException("oops");
        context.getLogger().info("hello " + event);
        String own = String.valueOf(StreamRequestHandler.class.getProtectionDomain().getCodeSource().getLocation());
        output.write((initialised + " " + context.getExecutionCredentials().getAccessKeyId().startsWith("STS.") + " " + own.endsWith("fc-runtime.jar")).getBytes(StandardCharsets.UTF_8));
    }
}
