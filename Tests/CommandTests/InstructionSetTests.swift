import Foundation
import Testing
import Torch

/// `FORETOKEN_ISA`, and the checks of devices.
@Suite(.serialized) struct InstructionSetTests {
    /// Sums of other lanes differ in their last bits, so that only what a model is sure of must be the same.
    @Test func theVariableChoosesTheKernels() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let model = root.appendingPathComponent("Models/python-bytes").path
        let texts = try ["portable", LibTorch.instructionSet].map { name in
            let result = try Command.shell(
                "\"$F\" generate --model \(model) --prompt 'import numpy as ' --max-tokens 2",
                environment: ["FORETOKEN_ISA": name])
            #expect(result.code == 0, "\(result.errors)")
            return result.output
        }
        #expect(texts[0] == texts[1] && texts[0].contains("np"))
    }

    @Test(arguments: ["sse9", "AVX2", "avx2 "])
    func aNameThatIsNoneIsRefused(name: String) throws {
        let result = try Command.shell("\"$F\" inspect --help", environment: ["FORETOKEN_ISA": name])
        #expect(result.code == 64)
        #expect(result.errors.contains("FORETOKEN_ISA=\(name)") && result.errors.contains("portable"))
    }

    @Test func anEmptyNameIsTheBest() throws {
        #expect(try Command.shell("\"$F\" --version", environment: ["FORETOKEN_ISA": ""]).code == 0)
    }

    @Test func aDeviceIsCheckedAgainstTheCPU() throws {
        let result = try Command.run(
            "bench", "device", "--device", "cpu", "--precisions", "f32", "--cuda-graphs", "--json")
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.contains("\"checks\":30") && result.output.contains("\"failed\":[]"), "\(result.output)")
    }

    @Test func graphsAreForGPUs() throws {
        let place = try Workplace()
        let recipe = try place.recipe(steps: 2)
        let trained = try Command.run("train", recipe, "--out", place.path("run"), "--cuda-graphs")
        #expect(trained.code == 64 && trained.errors.contains("training.device"))
        let generated = try Command.run("generate", "--model", place.path("run"), "--prompt", "x", "--cuda-graphs")
        #expect(generated.code == 64 && generated.errors.contains("--device cuda"))
    }
}
