internal import Yams

extension RecipeReader {
    /// `uniform`, `harmonic`, a list of numbers, `{decay: β}`, or a list of `{step: …, weights: …}`.
    func headWeights(_ key: String) throws -> HeadWeights? {
        try value(key).map { try headWeights(key, $0) }
    }

    private func headWeights(_ key: String, _ node: Node) throws -> HeadWeights {
        let expected = "uniform, harmonic, a list of numbers, {decay: 0.8} or a list of {step: 1000, weights: …}"
        if let name = node.scalar?.string {
            switch name {
            case "uniform": return .uniform
            case "harmonic": return .harmonic
            default: throw wrong(key, node, expected)
            }
        }
        if let mapping = node.mapping {
            let section = RecipeReader(mapping, path: full(key), origin: origin)
            let factor = try section.number("decay")
            try section.finish()
            guard let factor else { throw wrong(key, node, expected) }
            return .decay(factor)
        }
        guard let items = node.sequence else { throw wrong(key, node, expected) }
        guard items.contains(where: { $0.mapping != nil }) else {
            return .list(
                try items.map { item in
                    guard let number = item.plainNumber else { throw wrong(key, item, expected) }
                    return number
                })
        }
        return .points(
            try items.map { item in
                guard let mapping = item.mapping else { throw wrong(key, item, "{step: 1000, weights: …}") }
                let section = RecipeReader(mapping, path: full(key), origin: origin)
                let step = try section.integer("step")
                let weights = try section.headWeights("weights")
                try section.finish()
                guard let step, let weights else { throw wrong(key, item, "{step: 1000, weights: …}") }
                return HeadWeights.Point(step: step, weights: weights)
            })
    }
}
