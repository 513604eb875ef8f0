import Foundation
import Testing

/// `evaluate grade` as a user runs it, with the bubblewrap of this machine out of sight.
struct GradeCommandTests {
    /// `$D` is a folder with problems, samples and, alone on the PATH, the interpreter.
    private func grade(_ options: String) throws -> Command.Result {
        try Command.shell(
            """
            D=$(mktemp -d); trap 'rm -rf "$D"' EXIT; mkdir "$D/bin"
            ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$D/bin/python3"
            echo '{"task_id":"T/0","prompt":"def one():\\n","entry_point":"one","test":"def check(f):\\n    assert f() == 1\\n"}' \
                > "$D/p.jsonl"
            echo '{"task_id":"T/0","completion":"    return 1"}' > "$D/s.jsonl"
            echo '{"task_id":"T/0","completion":"    return 2"}' >> "$D/s.jsonl"
            PATH=$D/bin "$F" evaluate grade --problems "$D/p.jsonl" --samples "$D/s.jsonl" --out "$D/r.jsonl" \(options)
            """)
    }

    @Test func gradingRefusesWithoutBubblewrap() throws {
        let result = try grade("")
        #expect(result.code == 1)
        #expect(result.errors.contains("apt-get install bubblewrap") && result.errors.contains("--unsafe-no-sandbox"))
    }

    @Test func withoutASandboxItGradesOnlyWhenTold() throws {
        let result = try grade("--unsafe-no-sandbox -k 1,2 --json")
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.contains("\"pass@1\":0.5,") && result.output.contains("\"pass@2\":1.0,"))
        #expect(result.errors.contains("warning: --unsafe-no-sandbox"))
    }

    @Test(arguments: ["-k 0", "-k 1,", "--timeout 0", "--workers 0", "--memory 1"])
    func settingsWithoutSenseAreBadUsage(options: String) throws {
        #expect(try grade("--unsafe-no-sandbox \(options)").code == 64)
    }

    @Test func aPlotIsDrawnAndWhereItCannotBeNothingRuns() throws {
        let drawn = try grade("--unsafe-no-sandbox -k 1,2 --plot \"$D/p.svg\" && grep -c 'class=.e.' \"$D/p.svg\"")
        #expect(drawn.code == 0 && drawn.output.hasSuffix("1\n"), "\(drawn)")
        let refused = try grade(
            "--unsafe-no-sandbox --plot \"$D/none/p.svg\"; code=$?; ls \"$D/r.jsonl\" && exit 9; exit $code")
        #expect(refused.code == 1 && refused.errors.contains("p.svg: cannot be written"), "\(refused)")
    }
}
