extension TokenShard {
    /// The first `length` tokens of each document that has as many, each with `beginning` before it: at most `count` prompts.
    package func prompts(_ count: Int, length: Int, beginning: [Int32]) -> [[Int32]] {
        var prompts: [[Int32]] = []
        for document in 0..<documentCount where prompts.count < count {
            let tokens = self.document(document)
            if tokens.count >= length { prompts.append(beginning + tokens.prefix(length)) }
        }
        return prompts
    }
}
