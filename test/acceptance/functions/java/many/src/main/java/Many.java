import com.aliyun.fc.runtime.Context;
import com.aliyun.fc.runtime.Credentials;
import com.aliyun.fc.runtime.StreamRequestHandler;
import com.aliyun.oss.ClientBuilderConfiguration;
import com.aliyun.oss.OSS;
import com.aliyun.oss.OSSClientBuilder;
import com.aliyun.oss.common.auth.DefaultCredentialProvider;
import com.aliyun.oss.common.comm.SignVersion;
import com.aliyun.oss.model.ObjectMetadata;
import com.aliyun.oss.model.WriteGetObjectResponseRequest;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.URL;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import javax.imageio.ImageIO;
import org.codehaus.jettison.json.JSONException;
import org.codehaus.jettison.json.JSONObject;

/** One function with many behaviours: the query parameter `do` of the client's URL chooses. It speaks through the OSS SDK for Java. */
public class Many implements StreamRequestHandler {
    @Override
    public void handleRequest(InputStream input, OutputStream output, Context context) throws IOException {
        try {
            JSONObject event = new JSONObject(new String(input.readAllBytes(), StandardCharsets.UTF_8));
            JSONObject waiting = event.getJSONObject("getObjectContext");
            Map<String, String> query = queryOf(event.getJSONObject("userRequest").getString("url"));
            OSS oss = client(waiting.getString("outputRoute"), context.getExecutionCredentials(), query.get("sign"));
            try {
                act(query, oss, waiting);
            } finally {
                oss.shutdown();
            }
        } catch (JSONException error) {
            throw new IOException(error);
        }
        output.write("done".getBytes(StandardCharsets.UTF_8));
    }

    private static void act(Map<String, String> query, OSS oss, JSONObject waiting) throws IOException, JSONException {
        switch (query.getOrDefault("do", "red")) {
            case "upper":
                try (InputStream original = new URL(waiting.getString("inputOssUrl")).openStream()) {
                    answer(oss, waiting, new String(original.readAllBytes(), StandardCharsets.UTF_8).toUpperCase().getBytes(StandardCharsets.UTF_8), "text/plain");
                }
                return;
            case "bucket":
                try (InputStream original = oss.getObject(query.get("bucket"), query.get("key")).getObjectContent()) {
                    answer(oss, waiting, original.readAllBytes(), "text/plain");
                }
                return;
            case "raise":
                throw new IllegalStateException("raised on purpose");
            case "exit":
                System.exit(3);
                return;
            default:
                answer(oss, waiting, red(), "image/png");
        }
    }

    private static OSS client(String endpoint, Credentials given, String sign) {
        ClientBuilderConfiguration settings = new ClientBuilderConfiguration();
        if ("v4".equals(sign)) settings.setSignatureVersion(SignVersion.V4);
        return OSSClientBuilder.create()
            .endpoint(endpoint)
            .region("cn-qingdao")
            .credentialsProvider(new DefaultCredentialProvider(given.getAccessKeyId(), given.getAccessKeySecret(), given.getSecurityToken()))
            .clientConfiguration(settings)
            .build();
    }

    private static void answer(OSS oss, JSONObject waiting, byte[] body, String type) throws JSONException {
        ObjectMetadata metadata = new ObjectMetadata();
        metadata.setContentLength(body.length);
        metadata.setHeader("x-oss-fwd-header-Content-Type", type);
        WriteGetObjectResponseRequest request =
            new WriteGetObjectResponseRequest(waiting.getString("outputRoute"), waiting.getString("outputToken"), 200, new ByteArrayInputStream(body));
        request.setMetadata(metadata);
        System.out.println("answered " + oss.writeGetObjectResponse(request).getResponse().getStatusCode());
    }

    private static byte[] red() throws IOException {
        BufferedImage image = new BufferedImage(200, 200, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setColor(Color.RED);
        graphics.fillRect(0, 0, 200, 200);
        graphics.dispose();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageIO.write(image, "png", bytes);
        return bytes.toByteArray();
    }

    private static Map<String, String> queryOf(String url) throws IOException {
        Map<String, String> query = new HashMap<>();
        String text = URI.create(url).getRawQuery();
        if (text == null) return query;
        for (String part : text.split("&")) {
            int equals = part.indexOf('=');
            if (equals > 0) query.put(part.substring(0, equals), URLDecoder.decode(part.substring(equals + 1), "UTF-8"));
        }
        return query;
    }
}
