internal import Yams

extension YamlValue {
    static let headWeightsForm =
        "uniform, harmonic, a list of numbers, {decay: 0.8} or a list of {step: 1000, weights: …}"

    /// Head weights in any of their forms.
    func headWeights(_ origin: YamlOrigin) throws -> HeadWeights {
        if let name = node.scalar?.string {
            switch name {
            case "uniform": return .uniform
            case "harmonic": return .harmonic
            default: throw wrong(Self.headWeightsForm)
            }
        }
        if let mapping = node.mapping {
            let section = YamlSection(mapping, path: key, origin: origin)
            let factor = try section.number("decay")
            try section.finish()
            guard let factor else { throw wrong(Self.headWeightsForm) }
            return .decay(factor)
        }
        guard let items = node.sequence else { throw wrong(Self.headWeightsForm) }
        guard items.contains(where: { $0.mapping != nil }) else {
            return .list(try items.map { try number($0, Self.headWeightsForm) })
        }
        return .points(try items.map { try point($0, origin) })
    }

    private func point(_ item: Node, _ origin: YamlOrigin) throws -> HeadWeights.Point {
        let expected = "{step: 1000, weights: …}"
        guard let mapping = item.mapping else { throw wrong(expected, in: item) }
        let section = YamlSection(mapping, path: key, origin: origin)
        let step = try section.integer("step")
        let weights = try section.value("weights")?.headWeights(origin)
        try section.finish()
        guard let step, let weights else { throw wrong(expected, in: item) }
        return HeadWeights.Point(step: step, weights: weights)
    }
}
