import ForetokenCommands
import ForetokenDecoding
import ForetokenDevices
import ForetokenDistributed
import ForetokenFiles
import ForetokenTraining
@preconcurrency import Foundation
import Torch

@main
struct Program {
    static func main() async {
        prepareProcess()
        // A rank's launcher may pass a signal on before the command runs: blocked until here, it would end the rank as soon as the main
        // loop of Swift's runtime unblocks all signals.
        if getenv(LocalRanks.marker) != nil { InterruptFlag.install() }

        let torch = TorchCommands(
            commands: [Train.self, StudyCommand.self], evaluations: [Loss.self],
            benchmarks: [BenchTrain.self, BenchMemory.self, BenchDevice.self],
            decodeModel: { source, format, device, isExact, usesGraphs in
                try DecodeModel(
                    reading: source, format: format, device: Device(named: device), isExact: isExact,
                    usesGraphs: usesGraphs)
            }, inspectRecipe: { try InspectRecipe.show($0, world: $1) }, setThreads: { LibTorch.threads = $0 })

        await runForetoken(torch: torch) {
            // The system promises more memory than there is and kills who uses it: a sentence is better. Ranks of one host share it.
            let placement = try? RankPlacement(environment: ProcessInfo.processInfo.environment)
            Memory.setLimit(bytes: Memory.machineBytes / (placement?.localSize ?? 1))
            LibTorch.onOutOfMemory { error in
                fputs("Error: \(error)\n", stderr)
                // Not exit: it would wait for the threads of the operation that failed.
                fflush(nil)
                _exit(1)
            }
        }
    }
}
