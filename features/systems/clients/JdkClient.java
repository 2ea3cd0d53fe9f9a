import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** A GET by the JDK's client: prints the status, or the error. */
public class JdkClient {
    public static void main(String[] arguments) {
        Duration timeout = Duration.ofMillis((long) (Double.parseDouble(arguments[1]) * 1000));
        HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0])).timeout(timeout).build();
        try {
            System.out.println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
        } catch (Exception error) {
            System.out.println(error);
        }
        System.exit(0);
    }
}
