import com.aliyun.fc.runtime.Context;
import com.aliyun.fc.runtime.PojoRequestHandler;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Map;
import java.util.TreeMap;

/** JSON in, JSON out, by the Jackson that it brings: only that knows the annotation. */
public class Sizes implements PojoRequestHandler<Map<String, String>, Sizes.Result> {
    public static class Result {
        @JsonProperty("sizes-of")
        public Map<String, Integer> sizes = new TreeMap<>();
    }

    @Override
    public Result handleRequest(Map<String, String> input, Context context) {
        Result result = new Result();
        input.forEach((name, value) -> result.sizes.put(name, value.length()));
        return result;
    }
}
