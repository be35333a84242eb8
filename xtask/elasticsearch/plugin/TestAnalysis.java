import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.core.LowerCaseFilter;
import org.apache.lucene.analysis.email.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;

/**
 * The analysers that the security index asks for. Elastic's distribution for integration tests lacks the module that has
 * them, and without them no API key can be made.
 */
public class TestAnalysis extends Plugin implements AnalysisPlugin {
    private interface Wrap {
        TokenStream around(TokenStream input);
    }

    private static TokenFilterFactory filter(String name, Wrap wrap) {
        return new TokenFilterFactory() {
            public String name() {
                return name;
            }

            public TokenStream create(TokenStream input) {
                return wrap.around(input);
            }
        };
    }

    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        Map<String, AnalysisProvider<TokenFilterFactory>> filters = new TreeMap<>();
        filters.put("pattern_capture", AnalysisPlugin.requiresAnalysisSettings((index, environment, name, settings) -> {
            Pattern[] patterns =
                settings.getAsList("patterns").stream().map(Pattern::compile).toArray(Pattern[]::new);
            boolean keepsOriginal = settings.getAsBoolean("preserve_original", true);
            return filter(name, input -> new PatternCaptureGroupTokenFilter(input, keepsOriginal, patterns));
        }));
        filters.put("lowercase", (index, environment, name, settings) -> filter(name, LowerCaseFilter::new));
        filters.put("unique", (index, environment, name, settings) -> filter(name, RemoveDuplicatesTokenFilter::new));
        return filters;
    }

    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
        Map<String, AnalysisProvider<TokenizerFactory>> tokenizers = new TreeMap<>();
        tokenizers.put("uax_url_email", (index, environment, name, settings) ->
            TokenizerFactory.newFactory(name, UAX29URLEmailTokenizer::new));
        return tokenizers;
    }
}
