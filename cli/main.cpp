// vitro: the command line. Finds the verb, runs it, turns what it throws into one line and an exit
// status: 0 done, 1 failed, 2 wrong usage or bad input, 130 interrupted.
#include <algorithm>
#include <exception>
#include <new>

#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"

namespace vitro::cli {
namespace {

const Verb all[] = {
    {"train",
     "train a net, from a data set or a recipe",
     "WHAT [key=value ...] [options]",
     "WHAT is a built-in data set or recipe (`vitro list`), a recipe (NAME.toml), or a file or directory of data. "
     "Every key "
     "of a recipe can be set: `vitro init WHAT` shows them. The run is kept in a directory of its own: recipe, "
     "weights, "
     "history, checkpoint, and report.html, which can be watched as it grows. --watch shows the layers live. What goes "
     "wrong inside is said in plain words: which layer, since when, and the way out. Ctrl-C saves and stops; `vitro "
     "train "
     "--resume RUN` goes on. Of a table a line per column says what was inferred and what becomes of it; the last "
     "column is predicted unless --target names another. Of a folder of pictures each sub-folder is a class; "
     "sub-folders "
     "train, val and test that hold class folders are the parts; data.augment says what is done to training pictures "
     "(vitro list augmentations). A file that is no table is read as a text: its beginning trains, its end is kept.",
     {{"vitro train digits", "generated digits, in seconds"},
      {"vitro train mnist lr=0.1 epochs=5", "keys of the recipe set"},
      {"vitro train points.csv --net linear", "your own table, another net"},
      {"vitro train titanic.csv --target Survived --drop Name", "what to predict, what not to look at"},
      {"vitro train titanic.csv --target Survived --folds 5", "five nets say how good a sixth, of all rows, is"},
      {"vitro train ./pets/ data.size=48 --skip-bad", "a folder of pictures for each class: PNG and JPEG, any size"},
      {"vitro train cifar10 'augment=[{op=\"flip\"}, {op=\"crop\", padding=4}]'", "pictures anew in every epoch"},
      {"vitro train book.txt --net char-lstm", "a text, symbol by symbol; then: vitro generate"},
      {"vitro train digits --watch", "gradients, updates, dead units and outputs, live"},
      {"vitro train moons --net perceptron", "Rosenblatt's rule: its mistakes, and why it settles or never will"},
      {"vitro train recipe.toml --threads 2 --seed 7 --out runs/a --json", "a recipe, for a script"},
      {"vitro train --resume runs/a", "goes on where it was interrupted"}},
     train},
    {"lr-find",
     "which learning rate to train with: the range test",
     "WHAT [key=value ...] [options]",
     "Trains for a hundred steps while the rate grows from 1e-7 to 10, shows the loss over the rate, and suggests two: "
     "\"valley\", half way down the longest fall, and \"steepest\", where the loss falls fastest. It ends where the "
     "loss "
     "exceeds four times its best. Nothing is kept: all weights are put back. The schedule of the recipe is left out.",
     {{"vitro lr-find mnist", "the picture, and what to type next"},
      {"vitro lr-find digits optimizer=adam --apply", "and train with the suggested rate"},
      {"vitro lr-find points.csv --from 1e-4 --to 1 --steps 60 --svg rates.svg", "a narrower look, kept as a picture"}},
     lr_find},
    {"sweep",
     "train with every combination of some keys' values",
     "WHAT key=values ... [options]",
     "Values are log:a..b:n or lin:a..b:n (n numbers from a to b), a..b (whole numbers), a,b,c, or one value for all. "
     "Where the seed is swept, each setting shows mean and deviation over the seeds. Compared is the validation part; "
     "the test part is never read. The same command, or --resume, goes on where a sweep was interrupted.",
     {{"vitro sweep mnist lr=log:1e-4..10:13 seed=0..2", "39 trainings: the outcome over the learning rate"},
      {"vitro sweep digits hidden=32,64,128 lr=log:0.01..1:5 epochs=3", "two keys against each other"},
      {"vitro sweep digits hidden=[32],[64,64] --jobs 2 --json", "nets of one and of two layers, for a script"},
      {"vitro sweep --resume runs/sweep-mnist-001", "goes on, or shows it again"}},
     sweep},
    {"eval",
     "measure a trained net",
     "[RUN] [FILE] [options]",
     "Measures the run's weights on the test part of its data, or on FILE, a raw file with labels, or a folder of "
     "pictures "
     "in folders that are called as its classes are.",
     {{"vitro eval", "the latest run on its test part"},
      {"vitro eval runs/a points.csv", "on a file of your own; a FILE alone is for the latest run"}},
     eval},
    {"predict",
     "what a trained net says about a file",
     "[RUN] FILE [FILE ...] [options]",
     "Several files, or a folder, are pictures: PNG or JPEG of any size, scaled as those that the net learned from; "
     "for a "
     "net of light strokes on black, as MNIST's digits, a photograph of a digit on paper is brought into that form, "
     "and "
     "shown as the net saw it. Else FILE holds raw samples: IDX images (packed or not) or the rows of a table, whose "
     "columns may stand in any order "
     "and "
     "whose target may be absent; - is standard input. RUN alone knows how raw values become the net's input. What is "
     "said "
     "of a table is CSV, a line per row: the columns of --keep, the predicted target, and for classes its probability "
     "and "
     "that of each class.",
     {{"vitro predict runs/titanic-mlp-001 new.csv --keep PassengerId > out.csv", "of a table: CSV, a line per row"},
      {"vitro predict runs/digits-mlp-001 images-idx3-ubyte.gz", "one line a picture: class and probabilities"},
      {"vitro predict runs/mnist-mlp-001 photo.jpg", "a digit on paper, and what the net saw of it"},
      {"vitro predict runs/pets-net-001 a.jpg b.png new/", "photographs, and a folder of them"},
      {"vitro predict runs/points-mlp-001 new.csv --json", "for a script"}},
     predict},
    {"generate",
     "what a net that learned a text writes",
     "[RUN] [--prompt TEXT] [key=value ...] [options]",
     "Goes on from the prompt, one character after another, and writes each as it is made. temperature=0.8 makes the "
     "likely likelier (0: always the likeliest), top_k=40 chooses among so many of the likeliest, length=500 says when "
     "to stop. The same run, prompt, seed and keys give the same text. An empty prompt stands for the end of a line.",
     {{"vitro generate runs/shakespeare-char-lstm-001 --prompt \"ROMEO:\" temperature=0.8", "five hundred characters"},
      {"vitro generate --prompt \"To be\" length=2000 --seed 3", "of the latest run, another draw"},
      {"vitro generate --prompt - top_k=10 --json < beginning.txt", "a prompt from a file, for a script"}},
     generate},
    {"explain",
     "how a loss depends on a weight, number by number",
     "[RUN] [options]",
     "Walks from the loss back to one weight: at each node the gradient that arrives, the local rule with its formula "
     "and "
     "numbers, the largest terms and the sum of the rest; then the same number as back-propagated, and as a finite "
     "difference "
     "in double. Without options: the worst mistake of the test part, and its steepest weight.",
     {{"vitro explain", "the latest run's worst mistake"},
      {"vitro explain runs/a --sample 3 --param fc1.weight:3,17", "this sample, this weight"},
      {"vitro explain runs/a --neuron fc1:3", "one neuron's weighted sum"},
      {"vitro explain runs/a --param random:100", "a hundred weights against finite differences"},
      {"vitro explain runs/a --symbolic", "with letters instead of numbers"}},
     explain},
    {"report",
     "write a run's report.html anew",
     "[RUN] [options]",
     "`vitro train` writes RUN/report.html as it goes: the verdict, the data, the curves, what is taken for what, the "
     "worst mistakes, the weights, the net, one mistake by the chain rule, how to make it again; one file for any "
     "browser, without network. This verb writes it again, from what lies in the run; for one that was interrupted, "
     "with its best weights so far.",
     {{"vitro report", "of the latest run"}, {"vitro report runs/a", "of this one"}},
     report},
    {"gradcheck",
     "derivatives against finite differences, in double",
     "WHAT|--all [options]",
     "--all checks every op of the catalogue; a data set or recipe checks the whole net that it states.",
     {{"vitro gradcheck --all", "every op"}, {"vitro gradcheck digits", "a net, parameter by parameter"}},
     gradcheck},
    {"inspect",
     "show anything: a run, a recipe, a data set, a file, an op",
     "[WHAT] [key=value ...] [options]",
     "WHAT is a run (without WHAT: the latest), a recipe, a data set, a file (IDX, CSV, safetensors), or the name of "
     "an op, "
     "layer, loss, optimiser, schedule, initialiser or net. A recipe or data set shows its learning rate and momentum "
     "over the run before any training; key=value sets its keys.",
     {{"vitro inspect runs/a", "layers, parameters, metrics, history"},
      {"vitro inspect mnist", "samples, classes, a few pictures"},
      {"vitro inspect titanic.csv --target Survived", "what each column is and becomes"},
      {"vitro inspect mnist schedule=step epochs=20", "what that schedule does with the learning rate"},
      {"vitro inspect weights.safetensors", "tensors with shape, range and mean"},
      {"vitro inspect tanh", "formula, derivative, a worked example"},
      {"vitro inspect tanh --svg tanh.svg", "the function and its derivative as a picture"},
      {"vitro inspect digits --graph", "the graph of one training step; --dot and --json too"}},
     inspect},
    {"repro",
     "re-run a textbook's claim, over several seeds",
     "NAME...|--all|--list [options]",
     "A claim is a file of recipes/claims/: its source, its set-up, and the figures that it is held to. It holds where "
     "the mean over the seeds is within two deviations of the published number, or within the stated tolerance. What "
     "differs is said to differ. A claim whose data is missing is not run, and the exit status is 2 then.",
     {{"vitro repro --list", "all claims, what they need, about how long they take"},
      {"vitro repro udacity-gd", "a notebook's losses, to nine digits"},
      {"vitro repro nnfs-adam --seeds 10", "one seed is luck: ten show the spread"},
      {"vitro repro --all --out runs/claims", "everything, with a page of dots: runs/claims/repro.html"}},
     repro},
    {"list",
     "what is built in, and the runs so far",
     "[KIND] [options]",
     "KIND: data, recipes, nets, layers, ops, losses, optimisers, schedules, initialisers, runs, claims. Without: the "
     "first of "
     "all.",
     {{"vitro list", "data sets, recipes, nets, runs"}, {"vitro list ops", "every op with its formula"}},
     list},
    {"init",
     "a recipe to start from",
     "WHAT [key=value ...] [--net NAME]",
     "Writes the recipe that `vitro train WHAT` uses, every default stated, to standard output.",
     {{"vitro init digits > my.toml", "then edit it, and: vitro train my.toml"},
      {"vitro init titanic.csv --target Survived > my.toml", "for your own table: a line per column, to edit"}},
     init},
    {"data",
     "fetch known data sets, or say where they lie",
     "fetch|path [NAME]",
     "`fetch NAME` downloads a published data set with curl and checks its sums; `path` lists the places that are "
     "searched, "
     "`path NAME` the files found.",
     {{"vitro data fetch mnist", "about 11 MB"}, {"vitro data path", "where data sets are looked for"}},
     data},
    {"shape",
     "what numpy's dot, matmul, * and + give for two shapes",
     "\"(64,3) @ (3,5)\"",
     "Operators: @ or matmul, dot, *, +. Without an operator between the shapes, all of them.",
     {{"vitro shape \"(64,3) @ (3,5)\"", "(64, 5)"}, {"vitro shape \"(64,3) (3,)\"", "every operator at once"}},
     shape},
    {"bench",
     "how fast this machine can go, and how near to it vitro comes",
     "[NAME ...] [options]",
     "NAME is a workload or a group of them (--list); without, everything. Measures in rounds, each workload once a "
     "round, and shows medians. The limit is the larger of FLOPs / peak and bytes / bandwidth, measured in the same "
     "run.",
     {{"vitro bench", "everything: about a minute"},
      {"vitro bench step --threads 2", "whole training steps on two threads"},
      {"vitro bench --only adam-16Mi --rounds 50", "one workload, and what limits it"},
      {"vitro bench --table big.csv", "how fast a table is read"},
      {"vitro bench --json", "for a script"}},
     bench},
};

std::string overview() {
  const Palette& palette = out_stream().palette;
  std::string out = palette.strong("vitro " VITRO_VERSION) + ": neural networks under glass\n\nTo begin with:\n";
  Table start({"", ""});
  start.add({"vitro train digits", "train a net on generated digits, in seconds"});
  start.add({"vitro explain", "how its worst mistake depends on one weight"});
  start.add({"vitro inspect", "its layers, parameters and history"});
  start.add({"vitro list", "data sets, recipes, ops: all that is built in"});
  start.add({"vitro help train", "every verb is explained like this"});
  out += start.str(palette, 2) + "\nVerbs:\n";
  Table table({"", ""});
  for (const Verb& verb : all) table.add({verb.name, verb.purpose});
  table.add({"help VERB", "a verb's options, with examples"});
  table.add({"--version", "the program's version"});
  return out + table.str(palette, 2);
}

std::string help_text(const Verb& verb, const std::string& options) {
  const Palette& palette = out_stream().palette;
  std::string out = text("vitro ", verb.name, ": ", verb.purpose, "\n\n  vitro ", verb.name, " ", verb.usage, "\n\n",
                         wrap(verb.more, std::min(out_stream().width, 100)), "\n");
  if (!options.empty()) out += "\nOptions:\n" + options;
  Table examples({"", ""});
  for (const Example& example : verb.examples) examples.add({example.command, example.meaning});
  return out + "\nExamples:\n" + examples.str(palette, 2);
}

const Verb& find(const std::string& name) {
  std::vector<std::string> names = {"help"};
  for (const Verb& verb : all) {
    if (verb.name == name) return verb;
    names.emplace_back(verb.name);
  }
  bad_input("vitro", text("unknown verb \"", name, "\"", did_you_mean(name, names)), "vitro help");
}

int dispatch(std::vector<std::string> words) {
  if (words.empty()) {
    print(overview());
    return 0;
  }
  const std::string first = words[0];
  words.erase(words.begin());
  if (first == "--version") {
    print("vitro " VITRO_VERSION "\n");
    return 0;
  }
  const bool wants_help = first == "help" || first == "--help" || first == "-h";
  if (wants_help && words.empty()) {
    print(overview());
    return 0;
  }
  const Verb& verb = find(wants_help ? words[0] : first);
  if (wants_help) words.clear();
  Arguments arguments(verb.name, std::move(words), wants_help);
  try {
    return verb.run(arguments);
  } catch (const HelpWanted& help) {
    print(help_text(verb, help.options));
    return 0;
  }
}

} // namespace

std::span<const Verb> verbs() { return all; }

} // namespace vitro::cli

int main(int count, char** words) {
  using namespace vitro;
  cli::ignore_file_size_signal();
  if (count > 0) cli::set_program(words[0]);
  try {
    const int status = cli::dispatch({words + std::min(count, 1), words + count});
    cli::flush_output();
    return status;
  } catch (const Error& error) {
    cli::say(text("vitro: ", error.what()));
    return error.fault() == Fault::input ? 2 : 1;
  } catch (const std::bad_alloc&) {
    cli::say("vitro: out of memory. Help: a smaller batch (batch=...) or a smaller net");
  } catch (const std::exception& error) { cli::say(text("vitro: a fault of the program itself: ", error.what())); }
  return 1;
}
