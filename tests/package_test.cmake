# Installs the package into an empty folder and there builds and runs every example, as a program
# would that has never seen this tree.
# BUILD: the build tree; EXAMPLES: the consumer project; GENERATOR, LAUNCHER: as in the build tree.
set(work ${BUILD}/package_test)
file(REMOVE_RECURSE ${work})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\n${out}")
  endif()
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${work}/prefix)
run(${CMAKE_COMMAND} -S ${EXAMPLES} -B ${work}/build -G ${GENERATOR} -DCMAKE_PREFIX_PATH=${work}/prefix
    -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
run(${CMAKE_COMMAND} --build ${work}/build)
file(STRINGS ${work}/build/examples.txt examples)
if(examples STREQUAL "")
  message(FATAL_ERROR "no examples were built")
endif()
# What the example predict loads.
run(${work}/prefix/bin/vitro train moons epochs=2 --quiet --out ${work}/run)
foreach(example IN LISTS examples)
  message(STATUS "${example}")
  execute_process(COMMAND ${work}/build/${example} WORKING_DIRECTORY ${work} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
