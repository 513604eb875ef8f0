import ForetokenFiles
import ForetokenText

/// What llama.cpp's name of a pre-tokenizer stands for.
struct GGUFPreTokenizer {
    /// The `pre_tokenizer` of a `tokenizer.json`.
    let definition: JSONValue
    /// Whether text is normalised to NFC, which llama.cpp leaves out.
    var isNormalizing = false
    /// Whether a word of the vocabulary is that token, whatever the merges say.
    var ignoresMerges = false
    /// Whether the beginning of text is put before every text if the file does not say.
    var prepends = false

    /// The pre-tokenizers by llama.cpp's names (`llama_vocab::impl::load`) with the rules of the models that they are named after; for
    /// each rule, the name that is written comes first.
    ///
    /// Not among them: `default`, where llama.cpp splits by a rule of its own, which no model was trained with; `pixtral`, which it
    /// splits otherwise than the model; `kimi-k2` and `afmoe`, whose rules are more than patterns; vocabularies that are not
    /// byte-level; and those of embedding models.
    private static let named: [(names: [String], kind: GGUFPreTokenizer)] = [
        (
            [
                "gpt-2", "phi-2", "jais", "trillion", "gigachat", "a.x-4.0", "mellum", "exaone4", "granite-docling",
            ],
            kind(.gpt2)
        ),
        (["mpt", "olmo"], kind(.gpt2, isNormalizing: true)),
        (
            ["llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "midm-2.0", "lfm2"],
            kind(.llama3, ignoresMerges: true, prepends: true)
        ),
        (["glm4", "glm5"], kind(.llama3, ignoresMerges: true)), (["dbrx", "smaug-bpe", "chatglm-bpe"], kind(.llama3)),
        (["qwen2", "deepseek-r1-qwen", "megrez"], kind(.qwen2, isNormalizing: true)),
        (["stablelm2", "hunyuan", "solar-open", "kormo", "grok-2"], kind(.qwen2)), (["qwen35"], kind(.qwen35)),
        (["tekken"], kind(.tekken, ignoresMerges: true, prepends: true)),
        (["gpt-4o", "llama4", "kanana2", "minimax-m2"], kind(.o200k)),
        (["smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b", "mellum2"], kind(.smollm)),
        (["command-r"], kind(.smollm, isNormalizing: true)),
        (["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"], kind(.deepseek3)),
        (["deepseek-coder"], kind(.deepseekcoder)), (["deepseek-llm"], kind(.deepseekllm)),
        (["falcon"], kind(.falcon)), (["bloom", "poro-chat", "gpt3-finnish"], kind(.bloom)),
        (["viking"], GGUFPreTokenizer(definition: PreTokenizer.definition(splitting: bloom, digits: true))),
        (
            ["minicpm5"],
            GGUFPreTokenizer(
                definition: split([#"\p{N}{1,3}"#, words(digits: #"\p{N}+"#)]), ignoresMerges: true)
        ),
        (
            ["jais-2"],
            GGUFPreTokenizer(
                definition: split([
                    words(
                        spaces: [512, 256, 128, 64, 32, 16, 8, 4].map { #"\s{\#($0)}(?!\S)|"# }.joined()
                            + #"\s{1,2}(?!\S)|\s{1}"#)
                ]))
        ),
        (
            ["seed-coder"],
            GGUFPreTokenizer(
                definition: split([
                    words(digits: #"\p{N}{1}"#, others: " ?[^\\s\\p{L}\\p{N}\r\n]+").replacing(
                        #"\s*[\r\n]+"#, with: "\\s*[\r\n]+")
                ]))
        ),
        (
            ["bailingmoe", "bailingmoe2", "llada-moe"],
            GGUFPreTokenizer(
                definition: split([
                    #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|"#
                        + #"\s+(?!\S)|\s+"#
                ]))
        ),
        (["ufakzeka"], GGUFPreTokenizer(definition: split([words(contractions: "", digits: #"\p{N}"#)]))),
        (["laguna"], GGUFPreTokenizer(definition: split([#"[^\n]+|[\n]+"#, words(digits: #"\p{N}"#)]))),
        (["superbpe"], GGUFPreTokenizer(definition: split([#"\p{N}+"#, #"(?=(\d{3})+(?!\d))"#]))),
    ]

    private static let byName = Dictionary(
        uniqueKeysWithValues: named.flatMap { entry in entry.names.map { ($0, entry.kind) } })

    /// All names.
    static let names = byName.keys.sorted()

    init?(_ name: String?) {
        guard let kind = name.flatMap({ Self.byName[$0] }) else { return nil }
        self = kind
    }

    private init(
        definition: JSONValue, isNormalizing: Bool = false, ignoresMerges: Bool = false, prepends: Bool = false
    ) {
        (self.definition, self.isNormalizing, self.ignoresMerges) = (definition, isNormalizing, ignoresMerges)
        self.prepends = prepends
    }

    /// The name of a tokenizer's rules, and whether they include how it takes words of the vocabulary; nil if there is none.
    ///
    /// llama.cpp has no name for `none`; gpt-2 gives the same tokens if no merge crosses words, as for bytes, which have no merges.
    static func name(of preTokenizer: PreTokenizer, ignoresMerges: Bool) -> (name: String, isExact: Bool)? {
        let wanted = preTokenizer == .none ? .gpt2 : preTokenizer
        let equal = named.filter { entry in
            (try? PreTokenizer(JSONNode(entry.kind.definition, file: ""))) == wanted
        }
        let exact = equal.first { $0.kind.ignoresMerges == ignoresMerges }
        return (exact ?? equal.first)?.names.first.map { ($0, exact != nil) }
    }

    // MARK: Patterns

    private static func kind(
        _ preTokenizer: PreTokenizer, isNormalizing: Bool = false, ignoresMerges: Bool = false, prepends: Bool = false
    ) -> GGUFPreTokenizer {
        GGUFPreTokenizer(
            definition: preTokenizer.definition, isNormalizing: isNormalizing, ignoresMerges: ignoresMerges,
            prepends: prepends)
    }

    private static func split(_ patterns: [String]) -> JSONValue { PreTokenizer.definition(splitting: patterns) }

    private static let bloom = [" ?[^(\\s|[.,!?…。，、।۔،])]+"]

    /// Llama 3's pattern with other parts.
    private static func words(
        contractions: String = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|", digits: String = #"\p{N}{1,3}"#,
        others: String = #" ?[^\s\p{L}\p{N}]+[\r\n]*"#, spaces: String = #"\s+(?!\S)|\s+"#
    ) -> String {
        contractions + #"[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits + "|" + others + #"|\s*[\r\n]+|"# + spaces
    }
}
