import ForetokenFiles
import ForetokenModel
import Foundation
import Testing
import Torch

@Suite(.serialized) struct MetaConvertTests {
    /// Train, export all heads in Meta's format, and continue a prompt with what was exported, speculatively too.
    @Test func aTrainedModelGoesToMetasFormatAndBackWithAllItsHeads() throws {
        let work = try Workplace()
        let recipe = try work.recipe(steps: 6)
        #expect(try Command.run("train", recipe, "--out", work.path("run")).code == 0)
        let converted = try Command.run("convert", work.path("run"), work.path("meta"), "--to", "meta")
        #expect(converted.code == 0, "\(converted.errors)")
        #expect(converted.output.contains("consolidated.pth") && converted.output.contains("params.json"))
        let back = try Command.run("convert", work.path("meta"), work.path("back"), "--to", "foretoken", "--json")
        #expect(back.code == 0, "\(back.errors)")
        func text(_ model: String) throws -> String {
            let arguments = [
                "generate", "--model", work.path(model), "--prompt", "def ", "--max-tokens", "40", "--json",
            ]
            let result = try Command.run(arguments)
            #expect(result.code == 0, "\(result.errors)")
            return try JSONNode(JSONValue(parsing: result.output, file: "output"), file: "output")["text"].string()
        }
        let expected = try text("run")
        #expect(try text("meta") == expected)
        #expect(try text("back") == expected)
        #expect(
            try ModelFolder.source(URL(fileURLWithPath: work.path("back"))).configuration.heads
                == ModelFolder.source(URL(fileURLWithPath: work.path("meta"))).configuration.heads)
    }
}
