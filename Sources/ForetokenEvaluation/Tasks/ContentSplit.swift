import ForetokenFiles
import ForetokenText

/// The split to which an expression belongs, determined by a hash of its text, so that it is the same for all seeds.
enum ContentSplit {
    case training, validation, test

    /// 10 % test, 2 % validation, 88 % training.
    init(_ text: String) {
        let word = SHA256.hash(Array(text.utf8)).prefix(4).reduce(0) { $0 << 8 | Int($1) }
        let fraction = Double(word) / Double(1 << 32)
        self = fraction < 0.1 ? .test : fraction < 0.12 ? .validation : .training
    }
}
