#include "data/sources.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "core/text.h"
#include "core/threads.h"
#include "data/bytes.h"
#include "data/cifar.h"
#include "data/idx.h"

extern "C" char** environ; // POSIX

namespace vitro {
namespace fs = std::filesystem;

std::span<const KnownSet> known_sets() {
  static const std::vector<KnownSet> all = {
      {"mnist",
       "MNIST: 70,000 handwritten digits, 28 x 28 grey levels (LeCun, Cortes, Burges)",
       "https://ossci-datasets.s3.amazonaws.com/mnist/",
       {{"train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422},
        {"train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881},
        {"t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877},
        {"t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542}},
       PublishedAs::idx,
       {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
       0.1307,
       0.3081,
       "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
       "50000 + 10000 + 10000"},
      {"fashion-mnist",
       "Fashion-MNIST: 70,000 pictures of clothes, 28 x 28 grey levels, ten classes (Zalando Research)",
       "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
       {{"train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26421880},
        {"train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29515},
        {"t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4422102},
        {"t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5148}},
       PublishedAs::idx,
       {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"},
       0.2860,
       0.3530,
       "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
       "50000 + 10000 + 10000"},
      {.name = "udacity-points",
       .doc = "Udacity's points: 100 points in the plane, two classes that a line nearly parts (MIT licence)",
       .url = "https://raw.githubusercontent.com/udacity/deep-learning-v2-pytorch/master/intro-neural-networks/"
              "gradient-descent/",
       .files = {{"udacity-points.csv", "f0662ef7f84149a54f36566c02bd22719350e02849dbc39f784611323edae0e9", 1778,
                  "data.csv"}},
       .form = PublishedAs::table,
       .size = "80 + 10 + 10"},
      {.name = "admissions",
       .doc = "Student admissions: 400 students by test score, marks and the rank of their school; 127 admitted",
       .url = "https://raw.githubusercontent.com/udacity/deep-learning-v2-pytorch/master/intro-neural-networks/"
              "student-admissions/",
       .files = {{"student_data.csv", "2f5dcda0e455631215709575cc2eede4e5fb4e94cda9c37dab54e26d79dcf8c2", 5088}},
       .form = PublishedAs::table,
       .target = "admit",
       .size = "320 + 40 + 40"},
      {.name = "cifar10",
       .doc = "CIFAR-10: 60,000 pictures of animals and vehicles, 32 x 32 in colour, ten classes (Krizhevsky)",
       .url = "https://www.cs.toronto.edu/~kriz/",
       .files = {{"cifar-10-binary.tar.gz", "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                  170052171}},
       .form = PublishedAs::cifar,
       .size = "45000 + 5000 + 10000"},
      {.name = "fsdd",
       .doc = "Free Spoken Digit Dataset: 3,000 recordings of ten digits by six speakers, 8,000 Hz (Z. Jackson et al., "
              "CC BY-SA 4.0)",
       .url = "",
       .files = {{"recordings.tar.gz", "8976f9fac10d91a286438a69ff08bedf768f952c05ad315504e5534491f702eb", 15557750}},
       .form = PublishedAs::sounds,
       .pattern = "{label}_{speaker}_{take}.wav",
       .by_hand = "git clone https://github.com/Jakobovski/free-spoken-digit-dataset fsdd",
       .size = "2400 + 300 + 300"},
      {.name = "shakespeare",
       .doc = "Tiny Shakespeare: a megabyte of his plays, 65 different characters (Karpathy; public domain)",
       .url = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",
       .files = {{"tinyshakespeare.txt", "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed", 1115394,
                  "input.txt"}},
       .form = PublishedAs::text,
       .size = "15685 + 1742 + 0",
       .also = "tinyshakespeare"},
  };
  return all;
}

std::string usual_name(const std::string& word) {
  for (const KnownSet& set : known_sets())
    if (set.called(word)) return set.name;
  return word;
}

std::vector<std::string> data_roots(const std::string& data_dir) {
  std::vector<std::string> roots;
  const auto add = [&](const std::string& root) {
    if (!root.empty()) roots.push_back(root);
  };
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  add(data_dir);
  add(variable("VITRO_DATA"));
  const std::string xdg = variable("XDG_DATA_HOME"), home = variable("HOME");
  // The XDG specification: a relative path there is invalid and is passed over.
  if (!xdg.empty() && xdg[0] == '/')
    add(xdg + "/vitro");
  else if (!home.empty())
    add(home + "/.local/share/vitro");
  return roots;
}

namespace {

bool is_file(const std::string& path) {
  std::error_code none;
  return fs::is_regular_file(path, none);
}

// The set's files in `directory`, packed or not; fewer than all where some are missing.
std::vector<std::string> files_in(const KnownSet& set, const std::string& directory) {
  std::vector<std::string> found;
  for (const KnownFile& file : set.files) {
    const std::string packed = directory + "/" + file.name;
    const std::string unpacked = packed.ends_with(".gz") ? packed.substr(0, packed.size() - 3) : packed;
    if (is_file(packed))
      found.push_back(packed);
    else if (is_file(unpacked))
      found.push_back(unpacked);
  }
  return found;
}

bool holds(const KnownSet& set, const std::vector<std::string>& files) {
  try {
    return sha256(read_bytes(files[3])) == set.test_labels_sha256;
  } catch (const Error&) {
    return false; // an unreadable file is not this set; the message names all places anyway
  }
}

} // namespace

std::vector<std::string> find_known(const KnownSet& set, const std::string& data_dir) {
  std::vector<std::string> tried;
  for (const std::string& root : data_roots(data_dir)) {
    const std::string own = root + "/" + set.name;
    if (set.form == PublishedAs::cifar) {
      for (const std::string& place : {own, root})
        if (place == own || fs::path(root).filename() == set.name)
          if (std::vector<std::string> records = cifar_files(place); !records.empty()) return records;
      tried.push_back(own);
      continue;
    }
    if (set.form == PublishedAs::sounds) {
      for (const std::string& place : {own, root}) {
        if (place != own && fs::path(root).filename() != set.name) continue;
        if (std::vector<std::string> archive = files_in(set, place); !archive.empty()) return archive;
        const std::string& file = set.files[0].name;
        const std::string folder = place + "/" + file.substr(0, file.find('.'));
        std::error_code none;
        if (fs::is_directory(folder, none)) return {folder};
      }
      tried.push_back(own);
      continue;
    }
    std::vector<std::string> files = files_in(set, own);
    if (files.size() == set.files.size()) return files;
    tried.push_back(files.empty() ? own : text(own, " (", files.size(), " of ", set.files.size(), " files)"));
    if (set.table() || set.form == PublishedAs::text) {
      for (const std::string& place : {root, root + (set.table() ? "/tabular" : "/text")}) {
        files = files_in(set, place);
        if (!files.empty()) return files;
        tried.push_back(place);
      }
      continue;
    }
    files = files_in(set, root);
    if (files.size() == set.files.size() && (fs::path(root).filename() == set.name || holds(set, files))) return files;
    tried.push_back(root);
  }
  bad_input(
      set.name,
      tried.empty() ? std::string("was not found: neither --data-dir nor VITRO_DATA nor HOME is set")
                    : text("was not found in ", join(tried, ", ")),
      text(set.by_hand.empty() ? text("run `vitro data fetch ", set.name, "`") : text("in one of these: ", set.by_hand),
           "; or name the directory with --data-dir or VITRO_DATA"));
}

Published read_known(const KnownSet& set, const std::string& data_dir) {
  const std::vector<std::string> files = find_known(set, data_dir);
  const auto part = [&](size_t images, size_t labels) {
    Dataset data =
        idx_dataset(read_idx(read_bytes(files[images]), files[images]),
                    read_idx(read_bytes(files[labels]), files[labels]), set.classes, files[images], files[labels]);
    data.schema.name = set.name;
    data.schema.description = set.doc;
    data.schema.input.mean = {set.mean};
    data.schema.input.deviation = {set.deviation};
    return data;
  };
  // Both parts at once: inflating takes most of the time.
  Published out;
  out.files = files;
  std::exception_ptr wrong[2];
  parallel(2, [&](int64_t i) {
    try {
      (i == 0 ? out.train : out.test) = i == 0 ? part(0, 1) : part(2, 3);
    } catch (...) { wrong[i] = std::current_exception(); }
  });
  for (const std::exception_ptr& error : wrong)
    if (error) std::rethrow_exception(error);
  if (out.train.schema != out.test.schema)
    bad_input(files[2], text("samples are ", out.test.schema.sample, ", those of training ", out.train.schema.sample));
  return out;
}

namespace {

// Runs curl without a shell; its messages go to standard error. Returns its exit status.
int run_curl(const std::string& url, const std::string& to) {
  std::vector<std::string> words = {
      "curl",     "--fail", "--location", "--silent", "--show-error", "--retry", "2", "--connect-timeout", "20",
      "--output", to,       "--",         url};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int error = posix_spawnp(&child, "curl", nullptr, nullptr, arguments.data(), environ);
  if (error == ENOENT) return 127;
  if (error != 0) failure("curl", text("can't be started: ", std::strerror(error)));
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) failure("curl", text("was lost: ", std::strerror(errno)));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// What curl's exit status means (curl(1), EXIT CODES), for those that a user can do something about.
std::string curl_says(int status) {
  switch (status) {
    case 5:
    case 6: return "the host was not found: there is no network, or no name server";
    case 7: return "the host can't be reached";
    case 22:
    case 78: return "the host does not have the file";
    case 23: return "the file can't be written";
    case 28: return "the host took too long to answer";
    case 37: return "the file can't be read";
    case 35:
    case 51:
    case 60: return "no secure connection could be made";
    default: return text("curl ended with status ", status);
  }
}

void sync_to_disk(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool fine = file >= 0 && fsync(file) == 0;
  const int error = errno;
  if (file >= 0) close(file);
  if (!fine) failure(path, text("can't be written to disk: ", std::strerror(error)));
}

} // namespace

std::string fetch(const KnownSet& set, const std::string& data_dir,
                  const std::function<void(const std::string& line)>& say) {
  const std::vector<std::string> roots = data_roots(data_dir);
  if (set.url.empty())
    bad_input(set.name, "is published as a repository, which can't be fetched file by file",
              text("in ", roots.empty() ? std::string("a directory for --data-dir") : roots[0], ": ", set.by_hand));
  if (roots.empty())
    bad_input("data", "no directory to fetch into: neither VITRO_DATA nor HOME is set", "name one with --data-dir");
  const std::string directory = roots[0] + "/" + set.name;
  const auto report = [&](const std::string& line) {
    if (say) say(line);
  };
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) failure(directory, text("can't be made: ", error.message()), "name another directory with --data-dir");

  for (const KnownFile& file : set.files) {
    const std::string path = directory + "/" + file.name, temporary = path + ".part",
                      url = set.url + (file.published_as.empty() ? file.name : file.published_as);
    if (is_file(path) && sha256(read_raw_bytes(path)) == file.sha256) {
      report(text(file.name, ": there already"));
      continue;
    }
    report(text(file.name, ": ", file.bytes, " bytes from ", url));
    struct Remove {
      const std::string& path;
      ~Remove() { unlink(path.c_str()); } // nothing is there any more once it was renamed
    } remove{temporary};
    const int status = run_curl(url, temporary);
    if (status == 127)
      failure("curl", "is not installed, and `vitro data fetch` calls it",
              text("install it, or download the files of ", set.url, " into ", directory));
    if (status != 0)
      failure(url, text("could not be fetched: ", curl_says(status)),
              text("try again later, or put the file into ", directory));
    const Bytes bytes = read_raw_bytes(temporary);
    if (const std::string sum = sha256(bytes); sum != file.sha256)
      failure(url,
              text("sent ", bytes.size(), " bytes with the sum ", sum, ", expected were ", file.bytes, " with ",
                   file.sha256),
              "the file was changed on the way or at its source; nothing was kept");
    sync_to_disk(temporary);
    fs::rename(temporary, path, error);
    if (error) failure(path, text("can't be written: ", error.message()));
  }
  return directory;
}

std::string fetch(const std::string& name, const std::string& data_dir,
                  const std::function<void(const std::string& line)>& say) {
  std::vector<std::string> names;
  for (const KnownSet& set : known_sets()) {
    if (set.called(name)) return fetch(set, data_dir, say);
    names.push_back(set.name);
  }
  for (const Generator& generator : generators())
    if (generator.name == name) bad_input("data", text(name, " is generated: there is nothing to fetch"));
  bad_input("data", text("no published set is called \"", name, "\"", did_you_mean(name, names)),
            text("there are ", join(names, ", ")));
}

std::vector<SourceEntry> catalogue_of_data() {
  std::vector<SourceEntry> out;
  for (const Generator& g : generators())
    out.push_back(
        {g.name, "generated", g.goal, text(g.samples, " + ", g.held_out, " + ", g.held_out), g.doc, g.sounds});
  for (const KnownSet& set : known_sets())
    out.push_back({set.name, "published", Goal::classes, set.size, set.doc, set.form == PublishedAs::sounds});
  return out;
}

} // namespace vitro
