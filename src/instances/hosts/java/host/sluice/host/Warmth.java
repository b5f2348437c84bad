package sluice.host;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.StringReader;
import java.lang.reflect.Proxy;
import java.math.BigDecimal;
import java.net.Socket;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.text.SimpleDateFormat;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Base64;
import java.util.Calendar;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Properties;
import java.util.Scanner;
import java.util.SimpleTimeZone;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.CRC32;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.imageio.ImageIO;
import javax.net.ssl.SSLContext;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.SAXParserFactory;
import org.xml.sax.InputSource;
import org.xml.sax.helpers.DefaultHandler;

/**
 * Uses parts of Java that functions are likely to need, so that they are loaded before there is one. Only what keeps no state that a function
 * could have wanted to set first.
 */
final class Warmth {
    private static final byte[] SOME = "some bytes".getBytes(StandardCharsets.UTF_8);
    /** Services that ImageIO looks for on the class path when it is first used, which is here. */
    private static final String[] PICTURE_SERVICES = {"ImageReaderSpi", "ImageWriterSpi", "ImageInputStreamSpi", "ImageOutputStreamSpi", "ImageTranscoderSpi"};

    private Warmth() {}

    interface Question {
        boolean isAnswered() throws IOException;
    }

    private interface Step {
        void run() throws Exception;
    }

    private static final Step[] STEPS = {
        Warmth::classPath, Warmth::reflection, Warmth::language, Warmth::digests, Warmth::time, Warmth::threads, Warmth::logging, Warmth::network,
        Warmth::secureNetwork, Warmth::pictures, Warmth::xml, Warmth::compression,
    };
    private static boolean hasPictures;

    /** Every step. */
    static void all() {
        for (Step step : STEPS) attempt(step);
    }

    /** Warms up until something else is to be done; whether it came to its end. */
    static boolean until(Question question) throws IOException {
        for (Step step : STEPS) {
            if (question.isAnswered()) return false;
            attempt(step);
        }
        return !question.isAnswered();
    }

    /** Lets what was used before the function came know of what the function brings. */
    static void announce(ClassLoader loader) {
        if (!hasPictures) return;
        for (String service : PICTURE_SERVICES) {
            if (loader.getResource("META-INF/services/javax.imageio.spi." + service) == null) continue;
            ImageIO.scanForPlugins();
            return;
        }
    }

    private static void attempt(Step step) {
        try {
            step.run();
        } catch (Exception | LinkageError absent) {
            // A Java without this part.
        }
    }

    private static void classPath() throws Exception {
        URL own = Warmth.class.getProtectionDomain().getCodeSource().getLocation();
        try (URLClassLoader loader = new URLClassLoader(new URL[] {own}, ClassLoader.getPlatformClassLoader())) {
            Class.forName("sluice.host.Json", true, loader).getName();
            loader.getResource("META-INF/services/none");
            loader.getResourceAsStream("META-INF/MANIFEST.MF").close();
        }
    }

    private static void language() {
        String.format(Locale.ROOT, "%s %5d %.2f %x%n", "text", 1, 2.5, 3);
        Pattern.compile("([a-z]+)\\s*=\\s*(\\d*)", Pattern.CASE_INSENSITIVE).matcher("a = 1").replaceAll("$2");
        new Scanner(new ByteArrayInputStream(SOME)).useDelimiter("\\A").next().split("[ ,]");
        List.of("b", "a").stream().map(String::toUpperCase).sorted().collect(Collectors.joining(","));
        new TreeMap<>(Arrays.asList("b", "a").stream().collect(Collectors.toMap(text -> text, String::length))).toString();
        new BigDecimal("1.50").setScale(1).toPlainString();
        Json.write(Json.parse("{\"a\": [1, 2.5, \"\\u00e4\", null, true]}"));
        Beans.fromJava(Beans.toJava(Json.parse("{\"a\": 1}"), Object.class, "$"));
        new Properties().getProperty("none");
        (SOME.length + " of " + UUID.randomUUID() + ' ' + maybe() + 1.5).getBytes(StandardCharsets.ISO_8859_1);
        Failures.text(new Exception("none", new IOException("none")));
    }

    private static String maybe() {
        return Optional.of("one").map(String::trim).orElse("none");
    }

    private static void digests() throws Exception {
        for (String name : new String[] {"MD5", "SHA-1", "SHA-256"}) MessageDigest.getInstance(name).digest(SOME);
        for (String name : new String[] {"HmacSHA1", "HmacSHA256"}) {
            Mac mac = Mac.getInstance(name);
            mac.init(new SecretKeySpec(SOME, name));
            Base64.getEncoder().encodeToString(mac.doFinal(SOME));
        }
        new SecureRandom().nextInt();
        new CRC32().update(SOME);
    }

    private static void time() throws Exception {
        SimpleDateFormat format = new SimpleDateFormat("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US);
        format.setTimeZone(new SimpleTimeZone(0, "GMT"));
        format.parse(format.format(new Date()));
        Calendar.getInstance().get(Calendar.YEAR);
        DateTimeFormatter.ISO_INSTANT.format(Instant.now());
        ZonedDateTime.now(ZoneOffset.UTC).format(DateTimeFormatter.RFC_1123_DATE_TIME);
    }

    private static void reflection() throws Exception {
        Question question = (Question) Contexts.proxy(Question.class, new Contexts.Values("Question", Json.object(Json.parse("{\"isAnswered\": true}"))));
        question.isAnswered();
        Warmth.class.getDeclaredMethod("maybe").invoke(null);
        Question.class.getMethods()[0].getGenericReturnType();
        Question.class.getAnnotations();
    }

    private static void network() throws Exception {
        URI.create("http://127.0.0.1:9/a%20b?c=d").toURL().openConnection();
        new URL("http://127.0.0.1:9/a?b").getHost();
        URLEncoder.encode("a b/c", "UTF-8");
        URLDecoder.decode("a%20b", "UTF-8");
        try (Socket socket = new Socket()) {
            socket.setSoTimeout(1000);
            socket.setKeepAlive(true);
        }
    }

    private static void secureNetwork() throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, null, null);
        context.getSocketFactory().getDefaultCipherSuites();
        context.getSupportedSSLParameters().getProtocols();
        context.createSSLEngine().getSession();
    }

    private static void threads() throws Exception {
        ScheduledExecutorService pool = Executors.newScheduledThreadPool(1);
        CompletableFuture.supplyAsync(() -> 1, pool).thenApply(one -> one + 1).get();
        pool.schedule(() -> 1, 1, TimeUnit.MICROSECONDS).get();
        pool.shutdownNow();
    }

    private static void pictures() throws Exception {
        hasPictures = true;
        BufferedImage picture = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = picture.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
        graphics.setColor(Color.RED);
        graphics.fillRect(0, 0, 8, 8);
        graphics.drawImage(picture, 0, 0, 4, 4, null);
        graphics.dispose();
        for (String format : new String[] {"png", "jpeg"}) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            ImageIO.write(picture, format, bytes);
            ImageIO.read(new ByteArrayInputStream(bytes.toByteArray()));
        }
    }

    private static void xml() throws Exception {
        String document = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><a b=\"c\">d</a>";
        SAXParserFactory.newInstance().newSAXParser().parse(new InputSource(new StringReader(document)), new DefaultHandler());
        DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(document)));
    }

    private static void compression() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(SOME);
        }
        new GZIPInputStream(new ByteArrayInputStream(bytes.toByteArray())).readAllBytes();
    }

    /** Logging is only loaded: how it starts is for the function to set. */
    private static void logging() throws ClassNotFoundException {
        for (String name : new String[] {"Level", "Logger", "LogManager", "LogRecord", "ConsoleHandler", "SimpleFormatter"}) {
            Class.forName("java.util.logging." + name, false, null).getDeclaredConstructors();
        }
    }
}
