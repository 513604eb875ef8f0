package import ForetokenModel
import ForetokenReport

/// The parameters of a model, by name and by group.
package struct ModelTable {
    private let configuration: ModelConfiguration
    private let outline: ModelOutline

    /// The table of a shape.
    ///
    /// - Throws: `ModelError` for sizes that make no model.
    package init(_ configuration: ModelConfiguration) throws {
        self.configuration = configuration
        outline = try ModelOutline(configuration)
    }

    /// Tables and a sentence, in the width of standard output's terminal.
    package var terminalText: String {
        var parameters = TextTable(["parameter", "group", "shape", "count"])
        for parameter in outline.parameters {
            let shape = parameter.shape.map(String.init).joined(separator: "x")
            parameters.add([parameter.name, parameter.group.description, shape, String(parameter.count)])
        }
        var groups = TextTable(["group", "parameters"])
        for (group, count) in outline.groupCounts { groups.add([group.description, String(count)]) }
        groups.add(["total", String(outline.parameterCount)])
        let sentence =
            "\(configuration.heads) \(configuration.headKind.rawValue) heads on \(configuration.trunkLayers) trunk layers, "
            + "next-token decoding runs \(configuration.nextTokenLayers) of \(configuration.layers), "
            + "width \(configuration.width), context \(configuration.contextLength), vocabulary \(configuration.vocabulary)"
        return [parameters.terminalText, groups.terminalText, sentence].joined(separator: "\n\n")
    }
}
