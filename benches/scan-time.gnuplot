# How long a search takes by the arithmetic of docs/scaling.md: draws docs/pictures/scan-time.svg.
#
#   gnuplot benches/scan-time.gnuplot         (at the top of the project)

node = 3.1e9 * 0.7    # bytes a second: 25 Gbit/s, of which 70 % are used
opens = 25000.        # files a second that one metadata server opens
larger(a, b) = a > b ? a : b
seconds(bytes, nodes, file) = larger(bytes / (nodes * node), bytes / file / opens)

set terminal svg size 800,420 font 'sans-serif,12' background 'white'
set output 'docs/pictures/scan-time.svg'
set logscale xy
set grid
set key outside right
set samples 400
set xrange [1e9:1e15]
set yrange [0.1:1e8]
set xlabel 'bytes searched'
set ylabel 'time'
set xtics ('1 GB' 1e9, '10 GB' 1e10, '100 GB' 1e11, '1 TB' 1e12, '10 TB' 1e13, '100 TB' 1e14, '1 PB' 1e15)
set ytics ('1 s' 1, '10 s' 10, '1 min' 60, '10 min' 600, '1 h' 3600, '10 h' 36000, '4 days' 345600, '1 month' 2.6e6, '1 year' 3.15e7)
plot seconds(x, 1, 4096) lw 2 title 'files of 4 KiB, any nodes', \
     seconds(x, 1, 1e9) lw 2 title 'large files, 1 node', \
     seconds(x, 12, 1e6) lw 2 title 'files of 1 MB, 12 nodes', \
     seconds(x, 128, 1e9) lw 2 title 'large files, 128 nodes', \
     10 lw 1 dt 2 lc 'black' title 'people wait', \
     36000 lw 1 dt 3 lc 'black' title 'a night'
