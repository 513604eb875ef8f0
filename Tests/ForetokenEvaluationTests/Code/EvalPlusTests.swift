import ForetokenFiles
import Foundation
import Testing

@testable import ForetokenEvaluation

/// Rows in the form of EvalPlus' releases, graded by its rules (`scripts/compare-grading.py` compares with the package itself).
@Suite(.enabled(if: Sandboxes.exists, Sandboxes.need), .serialized)
struct EvalPlusTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var task: String
        var entry: String
        var reference: String
        /// `base_input` and `plus_input`, as JSON.
        var base: String
        var plus = "[]"
        var tolerance = "0"
        var right: [String]
        var wrong: [String]
        var testDescription: String { task + " " + entry }
    }

    private func problem(_ row: Case) throws -> Problem {
        let folder = try Folder()
        let text = """
            {"task_id": "\(row.task)", "prompt": "", "entry_point": "\(row.entry)", "canonical_solution": \
            \(try python(row.reference)), "contract": "", "base_input": \(row.base), "plus_input": \(row.plus), \
            "atol": \(row.tolerance)}
            """
        return try ProblemFile(contentsOf: folder.file("p.jsonl", text)).problems[0]
    }

    static let cases = [
        Case(
            task: "HumanEval/0", entry: "f", reference: "def f(x): return x", base: "[[[1]]]", plus: "[[\"a\"], [{}]]",
            right: ["def f(x): return x", "f = lambda x: x"],
            wrong: ["def f(x): return tuple(x)", "def f(x): return [1]", "def g(x): return x", "f = 3", "def f(: pass"]),
        // Compared exactly unless the expected value is a float; then also NaN and the other type matter.
        Case(
            task: "HumanEval/1", entry: "f", reference: "def f(x): return x / 3", base: "[[1]]", plus: "[[1e300], [7]]",
            right: ["def f(x): return x * (1 / 3)", "def f(x): return x / 3 + 1e-7 / (1 + x)"],
            wrong: ["def f(x): return x / 3 + 1e-5", "def f(x): return round(x / 3, 3)"]),
        Case(
            task: "HumanEval/2", entry: "f", reference: "def f(x): return 2.0", base: "[[1]]",
            right: ["def f(x): return 2", "def f(x): return 2.0 + 1e-8"],
            wrong: ["def f(x): return 2 + 1e-8j", "def f(x): return [2.0]", "def f(x): return '2.0'"]),
        Case(
            task: "HumanEval/3", entry: "f", reference: "def f(x): return float('nan')", base: "[[1]]",
            right: [], wrong: ["def f(x): return float('nan')"]),
        // The tolerance stays for the inputs after the first expected float.
        Case(
            task: "HumanEval/4", entry: "f", reference: "def f(x): return 1.5 if x else [1, 2.5]", base: "[[1], [0]]",
            right: ["def f(x): return 1.5 if x else [1, 2.5 + 1e-8]"], wrong: []),
        Case(
            task: "HumanEval/5", entry: "f", reference: "def f(x): return 1.5 if x else [1, 2.5]", base: "[[0], [1]]",
            right: [], wrong: ["def f(x): return 1.5 if x else [1, 2.5 + 1e-8]"]),
        Case(
            task: "HumanEval/6", entry: "f", reference: "def f(x): return [0.5, (1.5, 2)]", base: "[[1]]",
            tolerance: "1e-4", right: [], wrong: ["def f(x): return [0.5, (1.50001, 2)]"]),
        Case(
            task: "HumanEval/7", entry: "f", reference: "def f(x): return [[0.5, 1.5], [2.5, 3.5]]", base: "[[1]]",
            tolerance: "1e-4", right: ["def f(x): return [[0.5, 1.50001], (2.5, 3.5)]"],
            wrong: ["def f(x): return [[0.5, 1.51], [2.5, 3.5]]", "def f(x): return ([0.5, 1.50001], [2.5, 3.5])"]),
        // Numbers that are no 64-bit integers or doubles arrive exactly.
        Case(
            task: "HumanEval/8", entry: "f", reference: "def f(x): return x",
            base: "[[123456789012345678901234567890], [Infinity], [1\(String(repeating: "0", count: 420))]]",
            right: ["def f(x): return x"], wrong: ["def f(x): return int(float(x)) if x == x + 0 and x < 1e40 else x"]),
        Case(
            task: "HumanEval/32", entry: "find_zero", reference: "def find_zero(xs): return -xs[0] / xs[1]",
            base: "[[[1, 2]], [[-4, 2]]]", tolerance: "1e-4",
            right: ["def find_zero(xs): return -xs[0] / xs[1] + 1e-5"],
            wrong: [
                "def find_zero(xs): return 0", "def find_zero(xs):\n    xs[:] = [0, 0]\n    return 7",
                "def find_zero(xs): return None",
            ]),
        // The types of MBPP's inputs.
        Case(
            task: "Mbpp/2", entry: "similar_elements",
            reference: "def similar_elements(a, b):\n    assert type(a) is tuple\n    return tuple(set(a) & set(b))",
            base: "[[[3, 4], [4, 3]]]",
            right: ["def similar_elements(a, b): return [x for x in a + () if x in b] + [3]"],
            wrong: ["def similar_elements(a, b): return (3,)", "def similar_elements(a, b): return 3"]),
        Case(
            task: "Mbpp/115", entry: "empty",
            reference: "def empty(xs): return [type(x).__name__ for x in xs]", base: "[[[[1], [], 2]]]",
            right: ["def empty(xs): return ['set', 'dict', 'dict']"], wrong: ["def empty(xs): return ['list'] * 3"]),
        Case(
            task: "Mbpp/124", entry: "angle", reference: "import cmath\ndef angle(a, b): return cmath.phase(a + b)",
            base: "[[\"1\", \"2j\"], [\"0\", \"1j\"]]",
            right: ["import cmath\ndef angle(a, b): return cmath.phase(complex(a, b.imag))"],
            wrong: ["def angle(a, b): return 1.0"]),
        Case(
            task: "Mbpp/252", entry: "polar", reference: "import cmath\ndef polar(z): return cmath.polar(z)",
            base: "[[\"(3+4j)\"]]", right: ["def polar(z): return (abs(z), __import__('math').atan2(z.imag, z.real))"],
            wrong: ["def polar(z): return [abs(z), 0.9272952180016122]"]),
        Case(
            task: "Mbpp/722", entry: "kinds",
            reference: "def kinds(d, n): return {k: (v, type(v).__name__) for k, v in d.items()}",
            base: "[[{\"a\": [1, 2]}, 3]]", right: ["def kinds(d, n): return {'a': ((1, 2), 'tuple')}"],
            wrong: ["def kinds(d, n): return {'a': ([1, 2], 'list')}"]),
        Case(
            task: "Mbpp/580", entry: "same", reference: "def same(x): return x", base: "[[[1, [2, [3]]]]]",
            right: ["def same(x): return (1, (2, (3,)))"], wrong: ["def same(x): return [1, [2, [3]]]"]),
        // The special oracles of MBPP.
        Case(
            task: "Mbpp/164", entry: "are_equivalent", reference: "def are_equivalent(a, b): return True",
            base: "[[1, 2]]", right: ["def are_equivalent(a, b): return 'anything'"],
            wrong: ["def are_equivalent(a, b): raise ValueError"]),
        Case(
            task: "Mbpp/295", entry: "sum_div", reference: "def sum_div(n): return n", base: "[[8]]",
            right: ["def sum_div(n): return 0", "def sum_div(n): return n"], wrong: ["def sum_div(n): return 1"]),
        Case(
            task: "Mbpp/581", entry: "surface_Area", reference: "def surface_Area(b, s): return 2 * b * s + b * b",
            base: "[[3, 4]]", right: ["def surface_Area(b, s): return 35", "def surface_Area(b, s): return 33"],
            wrong: ["def surface_Area(b, s): return 34"]),
        Case(
            task: "Mbpp/558", entry: "digit_distance_nums",
            reference: "def digit_distance_nums(a, b): return sum(map(int, str(abs(a - b))))", base: "[[123, 256]]",
            plus: "[[1, 20]]", right: ["def digit_distance_nums(a, b): return 7 if a == 123 else 3"],
            wrong: ["def digit_distance_nums(a, b): return 8"]),
        Case(
            task: "Mbpp/7", entry: "find_char_long", reference: "def find_char_long(s): return s.split()",
            base: "[[\"b a b\"]]", right: ["def find_char_long(s): return ['a', 'b']"],
            wrong: ["def find_char_long(s): return ['a']"]),
        Case(
            task: "Mbpp/737", entry: "check_str",
            reference: "import re\ndef check_str(s): return re.match('[aeiou]', s)",
            base: "[[\"annie\"], [\"dawood\"]]",
            right: [
                "def check_str(s): return s[0] in 'aeiou'", "def check_str(s): return 5 if s[0] == 'a' else None",
                "import re\ndef check_str(s): return re.match('[aeiou]', s)",
            ],
            wrong: ["def check_str(s): return 'no'", "def check_str(s): return s[0] not in 'aeiou'"]),
    ]

    @Test(arguments: cases)
    func programsAreComparedByEvalPlusRules(row: Case) throws {
        let problem = try problem(row)
        let grader = try Sandboxes.grader()
        for (programs, outcome) in [(row.right, Verdict.Outcome.passed), (row.wrong, .failed)] {
            for program in programs {
                let verdict = try grader.verdict(on: program, problem, slowness: 4)
                #expect(verdict.outcome == outcome, "\(program): \(verdict)")
            }
        }
    }

    @Test func anInputHasItsOwnTimeLimitWhichASlowReferenceRaises() throws {
        let row = Case(
            task: "HumanEval/0", entry: "f",
            reference: "import time\ndef f(n):\n    time.sleep(0.5 if n == 9 else 0)\n    return n", base: "[[1], [9]]",
            right: [], wrong: [])
        let problem = try problem(row)
        let grader = try Sandboxes.grader()
        func outcome(_ first: Double, _ last: Double) throws -> Verdict {
            try grader.verdict(
                on: "import time\ndef f(n):\n    time.sleep(\(first) if n == 1 else \(last))\n    return n", problem)
        }
        #expect(try outcome(0, 1.3).outcome == .passed)
        let verdict = try outcome(1.4, 0)
        #expect(verdict.outcome == .timedOut)
    }

    @Test func theReasonNamesTheInput() throws {
        let row = Case(
            task: "HumanEval/0", entry: "f", reference: "def f(x): return x", base: "[[1]]", plus: "[[2], [3]]",
            right: [], wrong: [])
        let problem = try problem(row)
        let grader = try Sandboxes.grader()
        #expect(try grader.verdict(on: "def f(x): return min(x, 2)", problem).reason.hasPrefix("plus input 2 of 2: "))
        #expect(try grader.verdict(on: "def f(x): return 0", problem).reason.hasPrefix("base input 1 of 1: "))
    }

    /// The base inputs do not leave anything behind for the others.
    @Test func theProgramStartsAfreshForTheOtherInputs() throws {
        let row = Case(
            task: "HumanEval/0", entry: "f", reference: "def f(x): return x", base: "[[1]]", plus: "[[1]]", right: [],
            wrong: [])
        let program = "calls = []\ndef f(x):\n    calls.append(x)\n    return len(calls)"
        #expect(try Sandboxes.grader().verdict(on: program, problem(row)).outcome == .passed)
    }

    @Test func aReferenceThatFailsIsAFault() throws {
        let row = Case(
            task: "HumanEval/0", entry: "f", reference: "def f(x): return x.y", base: "[[1]]", right: [], wrong: [])
        let problem = try problem(row)
        #expect(throws: Grader.Fault.self) { try Sandboxes.grader().verdict(on: "def f(x): return x", problem) }
    }

    @Test func aModelThatWritesMBPPsFunctionItselfMayDefineAndImport() throws {
        var row = Self.cases[0]
        #expect(try problem(row).truncated("    return 1\ndef g(): pass") == "    return 1")
        row.task = "Mbpp/3"
        let draft = "import re\ndef f(x):\n    return x\n"
        #expect(try problem(row).truncated(draft + "\nassert f(1) == 1") == draft)
        #expect(try problem(row).truncated(draft) == draft)
    }
}
