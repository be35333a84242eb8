import java.nio.file.Path;
import org.codelibs.opensearch.runner.OpenSearchRunner;

import static org.codelibs.opensearch.runner.OpenSearchRunner.newConfigs;

/** One node of OpenSearch on loopback, until the process is ended. Arguments: its folder and its port. */
public class Server {
    public static void main(String[] arguments) throws Exception {
        String home = Path.of(arguments[0]).toAbsolutePath().toString();
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.onBuild((number, settings) -> {
            settings.put("http.port", arguments[1]);
            settings.put("network.host", "127.0.0.1");
            settings.put("discovery.type", "single-node");
            settings.putList("node.roles", "cluster_manager", "data", "ingest");
            // A test must not depend on how full this machine's disk is.
            settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
        });
        runner.build(newConfigs().basePath(home).numOfNode(1).clusterName("tain-test").disableESLogger());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                runner.close();
            } catch (Exception error) {
                error.printStackTrace();
            }
        }));
        Thread.currentThread().join();
    }
}
