/*
 * embed FILE...: write a C file to standard output that holds each FILE, for
 * schema/embedded.h, and the table of migrations of schema/schema.h, made of
 * the files named DATABASE-NUMBER.sql in the order in which they are given.
 *
 * Runs at build time only.  gcc 12 has no #embed, and ld -r -b binary leaves
 * an executable stack.  A file becomes one string literal a line of it, which
 * compiles much faster than a list of numbers.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Print why there is no output, and end with an exit code that stops make. */
static void
die(const char *what)
{

	perror(what);
	exit(1);
}

/* The name of a file of schema/ is its last part; that of a file of the web
 * page is its path below src/web/. */
static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (strncmp(path, "src/web/", 8) == 0)
		return (path + 8);
	return (slash != NULL ? slash + 1 : path);
}

/* Write the byte ${c} so that it stands for itself inside a literal. */
static void
put_byte(int c)
{

	/* '?' would begin a trigraph; octal has always three digits. */
	if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '?')
		printf("\\%03o", (unsigned)c);
	else
		putchar(c);
}

/* Write the contents of ${path} as the array number ${i}. */
static void
put_file(const char *path, int i)
{
	FILE *f;
	int c;

	if ((f = fopen(path, "rb")) == NULL)
		die(path);
	printf("static const unsigned char data_%d[] =\n\"", i);
	while ((c = getc(f)) != EOF) {
		put_byte(c);
		if (c == '\n')
			fputs("\"\n\"", stdout);
	}
	fputs("\";\n", stdout);
	if (ferror(f))
		die(path);
	if (fclose(f) != 0)
		die(path);
}

/* Write the row of a migration when ${name} is DATABASE-NUMBER.sql. */
static int
put_migration(const char *name, int i)
{
	const char *dash = strrchr(name, '-');
	char *end;
	unsigned long number;

	if (dash == NULL || !isdigit((unsigned char)dash[1]))
		return (0);
	number = strtoul(dash + 1, &end, 10);
	if (strcmp(end, ".sql") != 0)
		return (0);
	printf("\t{ \"%.*s\", %lu, (const char *)data_%d,"
	    " sizeof(data_%d) - 1 },\n",
	    (int)(dash - name), name, number, i, i);
	return (1);
}

int
main(int argc, char *argv[])
{
	int i, migrations = 0;

	printf("#include \"embedded.h\"\n#include \"schema.h\"\n\n");
	for (i = 1; i < argc; i++)
		put_file(argv[i], i);
	printf("\nconst struct rx_embedded_file rx_embedded_files[] = {\n");
	for (i = 1; i < argc; i++)
		printf("\t{ \"%s\", data_%d, sizeof(data_%d) - 1 },\n",
		    base_name(argv[i]), i, i);
	printf("};\nconst size_t rx_embedded_file_count = %d;\n", argc - 1);
	printf("\nconst struct rx_migration rx_migrations[] = {\n");
	for (i = 1; i < argc; i++)
		migrations += put_migration(base_name(argv[i]), i);
	printf("};\nconst size_t rx_migration_count = %d;\n", migrations);
	if (fflush(stdout) != 0 || ferror(stdout))
		die("stdout");
	return (0);
}
