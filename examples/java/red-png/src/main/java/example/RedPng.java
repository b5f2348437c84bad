package example;

import com.aliyun.fc.runtime.Context;
import com.aliyun.fc.runtime.Credentials;
import com.aliyun.fc.runtime.StreamRequestHandler;
import com.aliyun.oss.OSS;
import com.aliyun.oss.OSSClientBuilder;
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
import java.nio.charset.StandardCharsets;
import javax.imageio.ImageIO;
import org.codehaus.jettison.json.JSONException;
import org.codehaus.jettison.json.JSONObject;

/** Answers every GetObject with the same picture: 200x200 pixels of pure red, as PNG. Handler: example.RedPng::handleRequest. */
public class RedPng implements StreamRequestHandler {
    @Override
    public void handleRequest(InputStream input, OutputStream output, Context context) throws IOException {
        String route;
        String token;
        try {
            JSONObject request = new JSONObject(new String(input.readAllBytes(), StandardCharsets.UTF_8)).getJSONObject("getObjectContext");
            route = request.getString("outputRoute");
            token = request.getString("outputToken");
        } catch (JSONException error) {
            throw new IOException("The event is not that of a GetObject", error);
        }
        byte[] picture = redSquare(200);
        ObjectMetadata metadata = new ObjectMetadata();
        // What the client sees; the type of metadata.setContentType would be that of this call.
        metadata.setHeader("x-oss-fwd-header-Content-Type", "image/png");
        metadata.setContentLength(picture.length);
        WriteGetObjectResponseRequest answer = new WriteGetObjectResponseRequest(route, token, 200, new ByteArrayInputStream(picture));
        answer.setMetadata(metadata);
        Credentials given = context.getExecutionCredentials();
        OSS oss = new OSSClientBuilder().build(route, given.getAccessKeyId(), given.getAccessKeySecret(), given.getSecurityToken());
        try {
            int status = oss.writeGetObjectResponse(answer).getResponse().getStatusCode();
            output.write(("answered: " + status).getBytes(StandardCharsets.UTF_8));
        } finally {
            oss.shutdown();
        }
    }

    static byte[] redSquare(int side) throws IOException {
        BufferedImage image = new BufferedImage(side, side, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setColor(Color.RED);
        graphics.fillRect(0, 0, side, side);
        graphics.dispose();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageIO.write(image, "png", bytes);
        return bytes.toByteArray();
    }
}
