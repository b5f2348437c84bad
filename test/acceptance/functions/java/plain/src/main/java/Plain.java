import com.aliyun.fc.runtime.Context;
import com.aliyun.fc.runtime.FunctionInitializer;
import com.aliyun.fc.runtime.StreamRequestHandler;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;
import javax.imageio.ImageIO;

/** Speaks only through what every version of fc-java-core has. */
public class Plain implements StreamRequestHandler, FunctionInitializer {
    private final AtomicInteger meeting = new AtomicInteger();
    private volatile int most;
    private String initialised = "no";

    @Override
    public void initialize(Context context) throws IOException {
        if (System.getenv("REFUSE") != null) throw new IOException("not today");
        initialised = context.getFunctionParam().getFunctionName();
    }

    @Override
    public void handleRequest(InputStream input, OutputStream output, Context context) throws IOException {
        String event = new String(input.readAllBytes(), StandardCharsets.UTF_8);
        if (event.equals("exit")) System.exit(7);
        if (event.equals("throw")) throw new IOException("oops");
        output.write(answer(event, context).getBytes(StandardCharsets.UTF_8));
    }

    private String answer(String event, Context context) throws IOException {
        if (event.equals("version")) return System.getProperty("java.specification.version");
        if (event.equals("draw")) return draw();
        if (event.equals("print")) return print();
        if (event.startsWith("meet ")) return meet(event);
        context.getLogger().info("hello " + event);
        String own = String.valueOf(StreamRequestHandler.class.getProtectionDomain().getCodeSource().getLocation());
        return initialised + " " + context.getExecutionCredentials().getAccessKeyId().startsWith("STS.") + " " + own.endsWith("fc-runtime.jar");
    }

    private static String draw() throws IOException {
        ByteArrayOutputStream picture = new ByteArrayOutputStream();
        ImageIO.write(new BufferedImage(20, 20, BufferedImage.TYPE_INT_RGB), "png", picture);
        return new String(picture.toByteArray(), 1, 3, StandardCharsets.US_ASCII);
    }

    private static String print() throws IOException {
        System.out.println("from the function");
        try {
            new ProcessBuilder("echo", "from a child").inheritIO().start().waitFor();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        return "printed";
    }

    /** How many calls were under way at once, at most, while this one waited for four others. */
    private String meet(String event) {
        System.out.println(event);
        int now = meeting.incrementAndGet();
        try {
            synchronized (this) {
                most = Math.max(most, now);
                notifyAll();
                for (long end = System.nanoTime() + 5_000_000_000L; most < 5 && System.nanoTime() < end; ) wait(100);
            }
            return String.valueOf(most);
        } catch (InterruptedException interrupted) {
            return "interrupted";
        } finally {
            meeting.decrementAndGet();
        }
    }
}
