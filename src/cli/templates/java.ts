import type { Template } from './template.ts';

const source = `package example;

import com.aliyun.fc.runtime.Context;
import com.aliyun.fc.runtime.Credentials;
import com.aliyun.fc.runtime.StreamRequestHandler;
import com.aliyun.oss.OSS;
import com.aliyun.oss.OSSClientBuilder;
import com.aliyun.oss.model.ObjectMetadata;
import com.aliyun.oss.model.WriteGetObjectResponseRequest;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.codehaus.jettison.json.JSONException;
import org.codehaus.jettison.json.JSONObject;

/** Gives texts out in capital letters. */
public class App implements StreamRequestHandler {
    @Override
    public void handleRequest(InputStream input, OutputStream output, Context context) throws IOException {
        try {
            JSONObject event = new JSONObject(new String(input.readAllBytes(), StandardCharsets.UTF_8));
            JSONObject request = event.getJSONObject("getObjectContext");
            context.getLogger().info(event.getJSONObject("userRequest").getString("url"));
            answer(request, capitals(request.getString("inputOssUrl")), context.getExecutionCredentials());
        } catch (JSONException error) {
            throw new IOException("The event is not that of a GetObject", error);
        }
    }

    private static byte[] capitals(String url) throws IOException {
        try (InputStream original = new URL(url).openStream()) {
            String text = new String(original.readAllBytes(), StandardCharsets.UTF_8);
            return text.toUpperCase(Locale.ROOT).getBytes(StandardCharsets.UTF_8);
        }
    }

    private static void answer(JSONObject request, byte[] body, Credentials key) throws JSONException {
        String route = request.getString("outputRoute");
        ObjectMetadata metadata = new ObjectMetadata();
        metadata.setContentType("text/plain; charset=utf-8");
        metadata.setContentLength(body.length);
        WriteGetObjectResponseRequest answer =
            new WriteGetObjectResponseRequest(route, request.getString("outputToken"), 200, new ByteArrayInputStream(body));
        answer.setMetadata(metadata);
        OSS oss = new OSSClientBuilder().build(route, key.getAccessKeyId(), key.getAccessKeySecret(), key.getSecurityToken());
        try {
            oss.writeGetObjectResponse(answer);
        } finally {
            oss.shutdown();
        }
    }
}
`;

const plugin = (name: string, version: string, more = '') => `
      <plugin>
        <artifactId>${name}</artifactId>
        <version>${version}</version>${more}
      </plugin>`;

const assembly = `
        <configuration>
          <descriptorRefs><descriptorRef>jar-with-dependencies</descriptorRef></descriptorRefs>
        </configuration>
        <executions>
          <execution>
            <phase>package</phase>
            <goals><goal>single</goal></goals>
          </execution>
        </executions>`;

const plugins = [
  plugin('maven-compiler-plugin', '3.13.0'),
  plugin('maven-resources-plugin', '3.3.1'),
  plugin('maven-surefire-plugin', '3.2.5', '\n        <configuration><skip>true</skip></configuration>'),
  plugin('maven-jar-plugin', '3.4.2'),
  plugin('maven-assembly-plugin', '3.7.1', assembly),
];

const dependency = (group: string, artifact: string, version: string) => `
    <dependency>
      <groupId>${group}</groupId>
      <artifactId>${artifact}</artifactId>
      <version>${version}</version>
    </dependency>`;

const pom = (name: string) => `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>example</groupId>
  <artifactId>${name}</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.release>11</maven.compiler.release>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>${dependency('com.aliyun.fc.runtime', 'fc-java-core', '1.4.1')}${dependency('com.aliyun.oss', 'aliyun-sdk-oss', '3.18.5')}
  </dependencies>
  <build>
    <finalName>function</finalName>
    <plugins>${plugins.join('')}
    </plugins>
  </build>
</project>
`;

const manifest = (name: string) => `# How "sluice function deploy" and "sluice dev" deploy this folder.
name: ${name}
runtime: java11
handler: example.App::handleRequest
timeout: 60
memorySize: 512
# Runs in this folder before each deployment.
build: mvn -q package
# What is deployed: one JAR with everything that the function needs.
package: target/function-jar-with-dependencies.jar
`;

/** Java with the vendor's SDK. */
export const java: Template = {
  description: 'Java with the OSS SDK: StreamRequestHandler; needs a JDK and Maven',
  files: (name) => ({ 'src/main/java/example/App.java': source, 'pom.xml': pom(name), 'sluice.yaml': manifest(name) }),
};
