import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.lucene.analysis.core.WhitespaceAnalyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.FeatureField;
import org.apache.lucene.document.StringField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.search.BooleanClause;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.BoostQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.store.FSDirectory;

/**
 * The bulk exports in Lucene's FeatureField, the type behind rank_features and sparse_vector; no server around it.
 *
 * Arguments: folder of the export, folder for the index, opensearch or elasticsearch, depth, file of results
 * (query, document, score in each line). The first makes a linear query of each weight, as neural_sparse does; the
 * second boosts a linear query of weight 1, as sparse_vector does.
 */
public class FeatureFields {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] words) throws Exception {
        Path export = Path.of(words[0]);
        boolean linear = words[2].equals("opensearch");
        try (var directory = FSDirectory.open(Path.of(words[1]))) {
            index(export.resolve("bulk"), directory);
            try (var reader = DirectoryReader.open(directory); var out = new PrintWriter(words[4])) {
                IndexSearcher searcher = new IndexSearcher(reader);
                BooleanQuery.Builder query;
                for (String line : Files.readAllLines(export.resolve("queries.jsonl"))) {
                    JsonNode topic = JSON.readTree(line);
                    JsonNode asked = topic.get("body").get("query");
                    query = new BooleanQuery.Builder();
                    JsonNode vector = linear
                        ? asked.get("neural_sparse").get("terms").get("query_tokens")
                        : asked.get("sparse_vector").get("query_vector");
                    for (var fields = vector.fields(); fields.hasNext(); ) {
                        Map.Entry<String, JsonNode> entry = fields.next();
                        float weight = entry.getValue().floatValue();
                        query.add(clause(entry.getKey(), weight, linear), BooleanClause.Occur.SHOULD);
                    }
                    for (ScoreDoc hit : searcher.search(query.build(), Integer.parseInt(words[3])).scoreDocs) {
                        String name = searcher.storedFields().document(hit.doc).get("id");
                        out.println(topic.get("id").asText() + "\t" + name + "\t" + hit.score);
                    }
                }
            }
        }
    }

    private static Query clause(String term, float weight, boolean linear) {
        return linear
            ? FeatureField.newLinearQuery("terms", term, weight)
            : new BoostQuery(FeatureField.newLinearQuery("terms", term, 1f), weight);
    }

    private static void index(Path folder, FSDirectory directory) throws Exception {
        var settings = new IndexWriterConfig(new WhitespaceAnalyzer());
        try (var writer = new IndexWriter(directory, settings); var parts = Files.list(folder)) {
            for (Path part : parts.sorted().toList()) {
                try (BufferedReader lines = Files.newBufferedReader(part)) {
                    for (String action = lines.readLine(); action != null; action = lines.readLine()) {
                        Document document = new Document();
                        String name = JSON.readTree(action).get("index").get("_id").asText();
                        document.add(new StringField("id", name, Field.Store.YES));
                        for (var fields = JSON.readTree(lines.readLine()).get("terms").fields(); fields.hasNext(); ) {
                            var entry = fields.next();
                            document.add(new FeatureField("terms", entry.getKey(), entry.getValue().floatValue()));
                        }
                        writer.addDocument(document);
                    }
                }
            }
        }
    }
}
