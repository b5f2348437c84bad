import com.aliyun.fc.runtime.Context;
import com.aliyun.fc.runtime.Credentials;
import com.aliyun.fc.runtime.FunctionInitializer;
import com.aliyun.fc.runtime.StreamRequestHandler;
import com.aliyun.oss.OSS;
import com.aliyun.oss.OSSClientBuilder;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Date;
import javax.imageio.ImageIO;
import org.codehaus.jettison.json.JSONException;
import org.codehaus.jettison.json.JSONObject;

/** For the benchmark: what a small transform uses of the OSS SDK and of Java, as a function and as a program of its own. */
public class Cold implements StreamRequestHandler, FunctionInitializer {
    @Override
    public void initialize(Context context) throws IOException {
        work("STS.id", "secret", "token");
    }

    @Override
    public void handleRequest(InputStream input, OutputStream output, Context context) throws IOException {
        long pause = Long.parseLong(new String(input.readAllBytes(), StandardCharsets.UTF_8).trim());
        Credentials given = context.getExecutionCredentials();
        output.write(work(given.getAccessKeyId(), given.getAccessKeySecret(), given.getSecurityToken()).getBytes(StandardCharsets.UTF_8));
        try {
            Thread.sleep(pause);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    public static void main(String[] arguments) throws IOException {
        System.out.println(work("STS.id", "secret", "token"));
        if (arguments.length > 0 && arguments[0].equals("wait")) System.in.read();
    }

    private static String work(String id, String secret, String token) throws IOException {
        OSS oss = new OSSClientBuilder().build("http://127.0.0.1:9000", id, secret, token);
        try {
            JSONObject event = new JSONObject("{\"getObjectContext\":{\"outputRoute\":\"http://127.0.0.1:9000\",\"outputToken\":\"token\"}}");
            BufferedImage image = new BufferedImage(200, 200, BufferedImage.TYPE_INT_RGB);
            Graphics2D graphics = image.createGraphics();
            graphics.setColor(Color.RED);
            graphics.fillRect(0, 0, 200, 200);
            graphics.dispose();
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            ImageIO.write(image, "png", bytes);
            String route = event.getJSONObject("getObjectContext").getString("outputRoute");
            return route + bytes.size() + oss.generatePresignedUrl("bucket", "key", new Date(4_000_000_000_000L));
        } catch (JSONException error) {
            throw new IOException(error);
        } finally {
            oss.shutdown();
        }
    }
}
