# cmake -Droot=DIR -Dfiles=a;b -Doutput=F.cpp -P embed.cmake: the files' texts as string literals.
set(text "// Made by config/embed.cmake.\n#include \"config/embedded.hpp\"\n\nnamespace artham::config {\n\n")
string(APPEND text "std::span<const embedded_file> embedded_files() {\n  static constexpr embedded_file files[] = {\n")
foreach(file IN LISTS files)
  file(READ "${root}/${file}" content)
  string(APPEND text "    {\"${file}\", R\"artham(${content})artham\"},\n")
endforeach()
string(APPEND text "  };\n  return files;\n}\n\n}  // namespace artham::config\n")
file(WRITE "${output}" "${text}")
